"""Find, fetch and send against a real server; and what happens when it is away, hostile or set up wrongly."""

from orthanc_server import Orthanc
from pacs_files import film, written

from meddef_core.pacs.client import Pacs


def test_what_is_sent_is_found_and_fetched_byte_for_byte(orthanc: Orthanc, pacs: Pacs) -> None:
    data = written(film())
    pacs.send([data])
    (study,) = pacs.studies()
    assert (study.date, study.modalities, study.patient_id, study.images) == ("20240229", ("CR",), "0815-X", 1)
    (series,) = pacs.series(study.uid)
    assert (series.modality, series.body_part, series.images) == ("CR", "CHEST", 1)
    (instance,) = pacs.instances(study.uid, series.uid)
    assert pacs.instances(study.uid) == [instance]
    assert pacs.file(instance) == data == pacs.scan(instance)
    assert pacs.holds(study.uid, instance.uid) and not pacs.holds(study.uid, "1.2.3")

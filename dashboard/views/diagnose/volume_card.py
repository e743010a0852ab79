"""A volume on the page: what is said of all of it, its slices by wheel, keys and slider, and its strip."""

from functools import partial

import streamlit as st

from dashboard.components.charts import CONFIG
from dashboard.components.progress import paced, waiting_words
from dashboard.components.words import class_code, percent
from dashboard.language import tr
from dashboard.services import volumes as service
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import ModelChoice
from dashboard.services.scans import Volume
from dashboard.services.tasks import Task
from dashboard.services.volumes import VolumeDecision, VolumeReading
from dashboard.services.words import Text
from dashboard.services.work import QueuePlace
from dashboard.session import volumes
from dashboard.views.diagnose.volume_strip import LEVELS, level_of, picked, strip, strip_words

SOURCES = {
    "multi-frame DICOM": Text("volume.dicom-several", "DICOM with several frames"),
    "DICOM series": Text("volume.dicom-series", "DICOM series"),
    "numbered images": Text("volume.numbered-images", "numbered images"),
    "multi-page TIFF": Text("volume.tiff-several", "TIFF with several pages"),
    "Heidelberg .vol": Text("volume.heidelberg-vol", "Heidelberg .vol"),
}

EYES = {"L": Text("volume.left-eye", "left eye"), "R": Text("volume.right-eye", "right eye")}


def volume_card(model: ModelChoice, *, task: Task) -> None:
    """The volume that the chosen scan is a slice of; nothing where it is none."""
    volume = volumes.opened()
    if volume is None:
        if volumes.can_reopen():
            st.button(
                tr("volume.open-whole", "Open the whole volume again"), key="volume_reopen", on_click=volumes.reopen
            )
        return
    with st.container(border=True, key="volume_card"):
        st.markdown(f"**{tr('volume.volume', 'Volume')}** · {_facts(volume)}")
        for note in volume.notes:
            st.warning(tr(note), icon=":material/warning:")
        reading = _reading(model, volume)
        if reading is None:
            _slider(volume)
            return
        if reading.found.verdict is not None:
            _verdict(reading.found.verdict, task=task)
        _slices(reading, task=task)
        _files(reading, task=task)


def _facts(volume: Volume) -> str:
    facts = [tr("volume.n-slices", "{n} slices", n=len(volume)), tr(SOURCES.get(volume.source, volume.source))]
    if volume.laterality is not None:
        facts.append(tr(EYES[volume.laterality]))
    if volume.slice_mm is not None:
        facts.append(tr("volume.mm-mm", "{mm} mm between slices", mm=f"{volume.slice_mm:.3g}"))
    return " · ".join(facts)


# ---- predicting --------------------------------------------------------------------------------------------------


def _reading(model: ModelChoice, volume: Volume) -> VolumeReading | None:
    """What the model says of every slice: as it is kept, or predicted now. None where it fails or was cancelled."""
    kept = volumes.found(model.id, volume)
    if kept is not None:
        return kept
    if volumes.cancelled():
        st.info(
            tr("volume.prediction-all", "The prediction of all slices was cancelled."), icon=":material/stop_circle:"
        )
        st.button(tr("volume.predict-all", "Predict all slices"), key="volume_resume", on_click=volumes.resume)
        return None
    try:
        reading = _predicted(model, volume)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return None
    volumes.keep(reading)
    st.rerun()  # the viewer above has small pictures of all slices now
    return reading


def _predicted(model: ModelChoice, volume: Volume) -> VolumeReading:
    box = st.empty()
    with box.container():
        bar = st.progress(0.0, text=tr("volume.predicting-total", "Predicting {total} slices…", total=len(volume)))
        st.button(
            tr("batch.cancel", "Cancel"), key="volume_cancel", icon=":material/stop_circle:", on_click=volumes.cancel
        )

    @paced
    def show(what: str, done: int, total: int) -> None:
        bar.progress(done / total, text=what)

    def wait(ahead: QueuePlace) -> None:
        bar.progress(0.0, text=waiting_words(ahead))

    try:
        return service.predict(
            model,
            volume,
            on_progress=lambda done, total: show(
                tr("volume.done-total", "{done} of {total} slices", done=done, total=total), done, total
            ),
            on_wait=wait,
        )
    finally:
        box.empty()


# ---- the whole volume --------------------------------------------------------------------------------------------


def _verdict(verdict: VolumeDecision, *, task: Task) -> None:
    """What is said of the volume, with its rule; how it corrects for many slices, behind a click."""
    numbers = {"n": len(verdict.flagged), "total": verdict.slices, "needed": verdict.needed}
    if verdict.outcome == "abstains":
        st.error(
            tr(
                "volume.no-output",
                "No output for the volume: {n} of {total} slices are accepted, and at least half are needed.",
                n=verdict.accepted,
                total=verdict.slices,
            ),
            icon=":material/block:",
        )
    elif verdict.outcome == "finding":
        st.warning(
            tr(
                "volume.finding-reported",
                "Finding reported for the volume, most often as {finding}: {n} of {total} slices carry a finding, and "
                "{needed} are needed.",
                finding=class_code(task, verdict.label or ""),
                **numbers,
            ),
            icon=":material/flag:",
        )
    else:
        st.info(
            tr(
                "volume.no-finding",
                "No finding is reported for the volume: {n} of {total} slices carry a finding, and {needed} are needed "
                "to exclude chance. A smaller finding is not excluded; look at the strongest slices.",
                **numbers,
            ),
            icon=":material/rule:",
        )
    st.caption(
        tr(
            "volume.needed-required",
            "With {needed} required, at most {share} of healthy volumes are reported, however alike neighbouring "
            "slices are. Not validated on volumes with a known diagnosis.",
            needed=verdict.needed,
            share=f"{100 * verdict.alpha:g}%",
        )
    )
    with st.expander(
        tr("volume.rule-why", "The rule, and why not the highest of {total}", total=verdict.slices), key="volume_rule"
    ):
        st.markdown(
            tr(
                "volume.highest-total",
                "The highest of {total} probabilities is no probability: among many slices of a healthy eye, one is "
                "likely to look like a finding. A slice carries a finding if it is accepted, its output is a finding, "
                "and its probability of any finding exceeds that of all {healthy} healthy validation scans. A healthy "
                "slice does so at most once in {once}. The chance that {needed} of {total} do is at most {total} / "
                "({needed} × {once}), even if they all err together (Rüger 1978).",
                healthy=verdict.healthy,
                once=verdict.healthy + 1,
                needed=verdict.needed,
                total=verdict.slices,
            )
        )
        st.markdown(
            tr(
                "volume.rule-controls",
                "The rule controls false reports, not which finding is named. No volume with a known diagnosis was at "
                "hand. The validation scans are single B-scans, most of them through the fovea, and the model was "
                "chosen on them.",
            )
        )


# ---- the slices --------------------------------------------------------------------------------------------------


def _slices(reading: VolumeReading, *, task: Task) -> None:
    volume, found = reading.volume, reading.found
    at = volumes.chosen_number() or 1
    key = f"volume_strip_{volume.digest[:12]}_{reading.model.id.replace('/', '_')}"
    st.plotly_chart(
        strip(found, at=at, task=task),
        key=key,
        config=CONFIG,
        on_select=partial(_pressed, key),
        selection_mode="points",
        alt=strip_words(found),
    )
    slider, strongest = st.columns(2, gap="medium")
    with slider:
        _slider(volume)
        problem = volumes.problem()
        if problem is not None:
            st.error(problem, icon=":material/block:")
    with strongest:
        _strongest(reading, task=task)


def _slider(volume: Volume) -> None:
    key = f"volume_slice_{volume.digest[:12]}"
    st.session_state[key] = volumes.chosen_number() or 1
    st.slider(tr("volume.slice", "Slice"), 1, len(volume), key=key, on_change=_slid, args=(key,))


def _slid(key: str) -> None:
    volumes.choose(int(st.session_state[key]))


def _pressed(key: str) -> None:
    number = picked(st.session_state[key].selection.points)
    if number is not None:
        volumes.choose(number)


def _strongest(reading: VolumeReading, *, task: Task) -> None:
    """One button a finding, which chooses its strongest slice."""
    found = reading.found
    rows = {label: found.strongest(label) for label in found.findings}
    st.markdown(f"**{tr('volume.strongest-slice', 'Strongest slice of each finding')}**")
    with st.container(horizontal=True, gap="small"):
        for label, row in rows.items():
            if row is None or row.output is None:
                continue
            share = row.output.shares[found.classes.index(label)]
            st.button(
                tr(
                    "volume.finding-slice",
                    "{finding}: slice {n}, {share}",
                    finding=class_code(task, label),
                    n=row.number,
                    share=percent(share),
                ),
                key=f"volume_strongest_{label}",
                on_click=volumes.choose,
                args=(row.number,),
            )
    if not any(rows.values()):
        st.caption(tr("volume.model-abstains", "The model abstains from every slice."))


def _files(reading: VolumeReading, *, task: Task) -> None:
    """The table and the record, one row a slice."""
    name = f"meddef-volume-{reading.volume.digest[:6].upper()}"
    with st.expander(tr("volume.all-slices", "All slices as a table, and their files"), key="volume_table"):
        st.dataframe(
            [
                {
                    tr("volume.slice", "Slice"): row.number,
                    tr("site.output", "Output"): class_code(task, row.output.label) if row.output else "",
                    tr("site.probability", "Probability"): percent(row.output.probability) if row.output else "",
                    tr("volume.taken", "Taken as"): tr(LEVELS[level_of(row)][0]),
                    tr("batch.remarks", "Remarks"): row.remarks,
                }
                for row in reading.found.slices
            ],
            hide_index=True,
            height=260,
        )
        with st.container(horizontal=True):
            for suffix, mime, label, make in (
                ("csv", "text/csv", tr("volume.download-slices", "Download the slices (CSV)"), service.csv_file),
                (
                    "json",
                    "application/json",
                    tr("volume.download-slices-json", "Download the slices (JSON)"),
                    service.json_file,
                ),
            ):
                st.download_button(
                    label,
                    partial(make, reading),
                    f"{name}.{suffix}",
                    mime,
                    key=f"volume_{suffix}",
                    icon=":material/download:",
                    on_click="ignore",
                )

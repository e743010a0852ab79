"""The PACS of the settings: find, fetch, send. Every failure is a PacsError of one sentence.

Searches and storing go through `dicomweb-client`. Fetching does not: that library parses what it fetches, and the bytes
of a scan are parsed in a worker only (`meddef_core.scans.isolated`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

import requests
from dicomweb_client.api import DICOMwebClient

from meddef_core.errors import ScanError
from meddef_core.pacs import found, multipart
from meddef_core.pacs.errors import AbsentError, PacsError, TooLargeError
from meddef_core.pacs.found import Instance, Series, Study
from meddef_core.pacs.refusals import not_dicomweb, refusal_of
from meddef_core.pacs.transport import Bounded, OneServer
from meddef_core.scans.limits import MAX_BYTES, check_bytes
from meddef_core.settings import Settings, settings
from meddef_core.text import Text

MOST_FETCHED = 1024**3
"""Bytes of one object that is fetched to be kept as a file."""

MOST_FOUND = 10_000
"""Entries of one list: beyond that, a search is too wide to be meant."""

PAGE = 200

IDENTITY = (
    "00080020", "00080030", "00080050", "00080061", "00100010", "00100020", "00100030", "00100040", "00200010",
    "00201206", "00201208",
)  # fmt: skip
"""Elements of a study that are asked for: what a result repeats (`results.identity`), and what a list shows."""

_Found = TypeVar("_Found", Study, Series, Instance)
_Answer = TypeVar("_Answer")


class Pacs:
    """One DICOMweb server. `address` names it, without credentials, for people."""

    def __init__(self, now: Settings) -> None:
        """Raises PacsError where no server is set or the credentials are incomplete."""
        if now.pacs_url is None:
            raise PacsError(
                Text("pacs.no-pacs", "No PACS is set up; set MEDDEF_PACS_URL to the address of its DICOMweb service.")
            )
        self.address = now.pacs_url
        self._timeout = now.pacs_timeout
        self._session = OneServer(self.address)
        self._session.verify = True if now.pacs_ca_file is None else str(now.pacs_ca_file)
        self._sign_in(now)
        self._client = DICOMwebClient(self.address, session=self._session, permissive_uid=True, timeout=self._timeout)
        self._client.set_http_retry_params(retry=False)  # whoever asks decides when to ask again

    def _sign_in(self, now: Settings) -> None:
        if now.pacs_token is not None:
            if now.pacs_user is not None or now.pacs_password is not None:
                raise PacsError(
                    Text(
                        "pacs.both-token",
                        "Both a token and a user are set for the PACS; unset MEDDEF_PACS_TOKEN or the user.",
                    )
                )
            self._session.headers["Authorization"] = f"Bearer {now.pacs_token.get_secret_value()}"
        elif (now.pacs_user is None) != (now.pacs_password is None):
            raise PacsError(
                Text(
                    "pacs.meddef-pacs", "MEDDEF_PACS_USER and MEDDEF_PACS_PASSWORD work together; set both or neither."
                )
            )
        elif now.pacs_user is not None and now.pacs_password is not None:
            password = now.pacs_password.get_secret_value().encode()
            self._session.auth = requests.auth.HTTPBasicAuth(now.pacs_user.encode(), password)

    @property
    def readable_on_the_way(self) -> bool:
        """Whether a password or token travels unencrypted to another machine."""
        local = self._client.host in ("localhost", "127.0.0.1")
        signed = self._session.auth is not None or "Authorization" in self._session.headers
        return signed and not local and self.address.startswith("http:")

    # ---- find (QIDO-RS) ------------------------------------------------------------------------------------------

    def studies(
        self,
        *,
        date: str = "",
        modality: str = "",
        patient_id: str = "",
        most: int = MOST_FOUND,
    ) -> list[Study]:
        """Studies that match everything given: `date` as YYYYMMDD or a range of two with a hyphen between."""
        asked = {"StudyDate": date, "ModalitiesInStudy": modality, "PatientID": patient_id}
        filters = {keyword: value for keyword, value in asked.items() if value}
        return list(self._listed(self._client.search_for_studies, found.study_of, filters, most, fields=list(IDENTITY)))

    def series(self, study: str) -> list[Series]:
        """The series of a study."""
        _check_uid(study)

        def search(**options: Any) -> list[dict[str, dict[str, Any]]]:
            return self._client.search_for_series(study, **options)

        fields = ["00080060", "00180015", "00200011", "00201209"]
        return list(
            self._listed(search, lambda each: found.series_of(each, study=study), {}, MOST_FOUND, fields=fields)
        )

    def instances(self, study: str, series: str = "", *, uid: str = "") -> list[Instance]:
        """The instances of a series, or of a whole study, in the order of their numbers; those of that UID only."""
        _check_uid(study, *filter(None, (series, uid)))

        def search(**options: Any) -> list[dict[str, dict[str, Any]]]:
            return self._client.search_for_instances(study, series or None, **options)

        def read(document: found.Document) -> Instance | None:
            return found.instance_of(document, study=study, series=series)

        filters = {"SOPInstanceUID": uid} if uid else {}
        fields = ["00080016", "0020000E", "00200013", "00280008", "00280010", "00280011"]
        listed = self._listed(search, read, filters, MOST_FOUND, fields=fields)
        return sorted(listed, key=lambda each: (each.series, each.number or 0, each.uid))

    def holds(self, study: str, uid: str) -> bool:
        """Whether an instance of that UID is in the study."""
        return bool(self.instances(study, uid=uid))

    def identity(self, study: str) -> Mapping[str, Any]:
        """The elements `IDENTITY` of a study as DICOM JSON; raises AbsentError where it is gone."""
        _check_uid(study)
        answer = self._asked(
            lambda: self._client.search_for_studies(
                search_filters={"StudyInstanceUID": study}, fields=list(IDENTITY), limit=2
            )
        )
        for each in answer:
            if isinstance(each, Mapping) and found.text(each, "0020000D") == study:
                return each
        raise AbsentError(Text("pacs.pacs-holds", "The PACS holds no such study; find it again."))

    def _listed(
        self,
        search: Callable[..., list[dict[str, dict[str, Any]]]],
        read: Callable[[found.Document], _Found | None],
        filters: dict[str, Any],
        most: int,
        *,
        fields: list[str],
    ) -> Iterator[_Found]:
        """Page after page, until one brings nothing new: some servers know no pages and send everything each time."""
        seen: set[str] = set()
        begin = 0
        while len(seen) < most:
            page = self._asked(partial(search, search_filters=filters, fields=fields, limit=PAGE, offset=begin))
            if not isinstance(page, list):
                raise not_dicomweb(self.address)
            entries = (read(document) for document in page if isinstance(document, Mapping))
            fresh = [each for each in entries if each is not None and each.uid not in seen]
            for each in fresh[: most - len(seen)]:
                seen.add(each.uid)
                yield each
            if not fresh or len(page) < PAGE:
                return
            begin += len(page)

    # ---- fetch (WADO-RS) and send (STOW-RS) ----------------------------------------------------------------------

    def scan(self, instance: Instance, *, cancelled: Callable[[], bool] = lambda: False) -> bytes:
        """The file of an instance, to be read; raises ScanError where it is too large for that."""
        try:
            data = self.file(instance, most=MAX_BYTES, cancelled=cancelled)
        except TooLargeError as error:
            raise ScanError(
                Text(
                    "pacs.object-pacs",
                    "The object in the PACS has more than {mb} MB, and no more are read; export a single image "
                    "of it, or a smaller one.",
                    mb=MAX_BYTES // 1024**2,
                )
            ) from error
        check_bytes(data)
        return data

    def file(
        self, instance: Instance, *, most: int = MOST_FETCHED, cancelled: Callable[[], bool] = lambda: False
    ) -> bytes:
        """The file of an instance as it is stored, of at most `most` bytes; nothing of it is parsed."""
        _check_uid(instance.study, instance.series, instance.uid)
        path = f"studies/{instance.study}/series/{instance.series}/instances/{instance.uid}"
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        return self._asked(lambda: self._fetched(path, accept, most=most, cancelled=cancelled))

    def _fetched(self, path: str, accept: str, *, most: int, cancelled: Callable[[], bool]) -> bytes:
        answer = self._session.get(
            f"{self.address}/{path}", headers={"Accept": accept}, timeout=self._timeout, stream=True
        )
        with closing(answer):
            answer.raw = Bounded(answer.raw, most=most + multipart.OVERHEAD, cancelled=cancelled)
            answer.raise_for_status()
            return multipart.only_part(answer.content, answer.headers.get("Content-Type", ""))

    def send(self, objects: Sequence[bytes], *, study: str = "") -> None:
        """Store DICOM files, in the study of that UID where one is named; raises PacsError where one is refused."""
        body, content_type = multipart.joined(objects)
        path = f"studies/{study}" if study else "studies"
        headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
        answer = self._asked(lambda: self._sent(path, body, headers))
        failed = answer.get("00081198") if isinstance(answer, Mapping) else None
        if isinstance(failed, Mapping) and failed.get("Value"):
            raise PacsError(
                Text(
                    "pacs.pacs-refuses",
                    "The PACS refuses to store the object; ask whoever runs it for the reason in its log.",
                )
            )

    def _sent(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        answer = self._session.post(f"{self.address}/{path}", data=body, headers=headers, timeout=self._timeout)
        answer.raise_for_status()
        try:
            return answer.json()
        except requests.JSONDecodeError:
            return {}  # nothing, or XML: some servers answer with it whatever they are asked for

    def _asked(self, ask: Callable[[], _Answer]) -> _Answer:
        """What the server answers. The libraries' exceptions hold the request with its credentials: none is chained."""
        try:
            return ask()
        except requests.RequestException as error:
            refusal = refusal_of(error, address=self.address)
        raise refusal


def configured() -> bool:
    """Whether the settings name a PACS."""
    return settings().pacs_url is not None


def open_pacs() -> Pacs:
    """The PACS of the settings; raises PacsError where none is set up."""
    return Pacs(settings())


def _check_uid(*uids: str) -> None:
    for uid in uids:
        if not found.is_uid(uid):
            raise PacsError(
                Text("pacs.uid-no", "{uid} is no UID; copy it from `meddef pacs find`.", uid=repr(uid[:80]))
            )

"""The watch: each new study that matches a task gets a report and a picture of the model's output, exactly once.

It may be killed at any moment. What a result is called follows from its source, the weights and the task
(`results.subject`); what it says follows from the same and from the moment at which it was begun, which the ledger
keeps. So a result that is made again is the same object, and the PACS is asked for it before it is sent.
"""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydicom.dataset import Dataset

from meddef_core.errors import ScanError
from meddef_core.pacs.audit_log import StudyLog, line_id
from meddef_core.pacs.client import Pacs
from meddef_core.pacs.errors import AwayError, PacsError
from meddef_core.pacs.found import Instance, Series, Study
from meddef_core.pacs.frames import first_scan, predict_every
from meddef_core.pacs.ledger import Ledger, LedgerEntry, SeenStudy
from meddef_core.pacs.match import mismatch, models_for
from meddef_core.pacs.results.capture import capture
from meddef_core.pacs.results.report import report
from meddef_core.pacs.results.subject import ReportSubject, derived_uid, result_uids, series_uids
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

POLL_SECONDS = 5.0
"""Between two looks at the list of studies."""

LONGEST_PAUSE = 300.0
"""Seconds between two tries when the PACS is away; the first pause is one second, each next twice as long."""

LONGEST_RETRY = 3600.0
"""The same for one study whose result the PACS refuses."""


@dataclass(frozen=True, kw_only=True)
class WatchRound:
    """What one look at the PACS came to, in studies."""

    listed: int = 0
    finished: int = 0
    """Worked through in this look."""
    waiting: int = 0
    """Not complete yet, or changed by the results just stored."""
    failed: int = 0
    """To be tried again later."""


class Watch:
    """One PACS, one ledger, one model for each task. `say` hears one sentence on whatever happens."""

    def __init__(
        self,
        pacs: Pacs,
        ledger: Ledger,
        *,
        audit: StudyLog,
        models: Sequence[LoadedModel],
        stable: float,
        days: int = 0,
        unlabelled: bool = False,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """`days` limits it to studies of the last so many days, 0 does not; `unlabelled` as in `match.mismatch`."""
        self._pacs, self._ledger, self._audit = pacs, ledger, audit
        self._models = tuple(models)
        self._stable, self._days, self._unlabelled = stable, days, unlabelled
        self._say = say
        weights = sorted(f"{model.task.key} {model.card.weights.sha256}" for model in models)
        self._setup = derived_uid(*weights, str(unlabelled))

    def run(self, *, once: bool = False, sleep: Callable[[float], None] = time.sleep) -> WatchRound:
        """Look again and again; with `once`, until no study that is listed waits. Raises PacsError, not AwayError."""
        pause, finished = 0.0, 0
        while True:
            try:
                found = self.look()
            except AwayError as error:
                pause = min(LONGEST_PAUSE, max(1.0, 2 * pause))
                self._say(f"{error} Next try in {pause:.0f} s.")
                sleep(pause)
                continue
            pause, finished = 0.0, finished + found.finished
            if once and not found.waiting:
                return WatchRound(listed=found.listed, finished=finished, failed=found.failed)
            sleep(min(POLL_SECONDS, max(0.2, self._stable / 3)))

    def look(self) -> WatchRound:
        """Go through the studies that the PACS lists once; raises AwayError where it is away."""
        studies = self._pacs.studies(date=self._dates())
        counts = dict.fromkeys(("finished", "waiting", "failed"), 0)
        for study in studies:
            outcome = self._visit(study)
            if outcome is not None:
                counts[outcome] += 1
        return WatchRound(listed=len(studies), **counts)

    def _dates(self) -> str:
        if self._days == 0:
            return ""
        return f"{date.today() - timedelta(days=self._days - 1):%Y%m%d}-"

    # ---- one study -----------------------------------------------------------------------------------------------

    def _visit(self, study: Study) -> str | None:
        """ "finished", "waiting" or "failed"; None for a study that was worked through before."""
        now, signature = time.time(), self._signature(study)
        seen = self._ledger.see(study.uid, signature, now=now)
        if seen.done == self._key(signature):
            return None
        if seen.retry_at > now:
            return "failed"
        if now - seen.since < self._stable:
            return "waiting"
        try:
            sent = self._work_through(study)
        except AwayError:
            raise
        except PacsError as error:
            pause = min(LONGEST_RETRY, 10.0 * 2**seen.tries)
            self._ledger.later(study.uid, tries=seen.tries + 1, retry_at=now + pause)
            self._say(f"Study {study.uid} is tried again in {pause:.0f} s. {error}")
            return "failed"
        self._close(study, seen, sent=sent)
        return "finished"

    def _close(self, study: Study, seen: SeenStudy, *, sent: int) -> None:
        """Write the audit line of a study; with its results it has `sent` objects more, and is looked at no further."""
        entries = self._ledger.of_study(study.uid)
        name = line_id(study.uid, entries)
        if seen.audited != name:
            self._audit.once(study.uid, entries)
        signature = seen.signature if study.images is None else str(study.images + sent)
        self._ledger.done(study.uid, signature=signature, key=self._key(signature), audited=name)

    def _key(self, signature: str) -> str:
        return f"{signature} {self._setup}"

    def _signature(self, study: Study) -> str:
        """Changes whenever an object joins the study."""
        if study.images is not None:
            return str(study.images)
        return derived_uid(*(each.uid for each in self._pacs.instances(study.uid)))

    def _work_through(self, study: Study) -> int:
        """Bring every source in a study to an end; how many objects were sent."""
        sent = 0
        for series in self._pacs.series(study.uid):
            models = models_for(series, self._models)
            if not models or self._is_ours(series):
                continue
            for instance in self._pacs.instances(study.uid, series.uid):
                left = [model for model in models if not self._is_settled(instance, model)]
                if left:
                    sent += self._settle(instance, left)
        return sent

    def _is_ours(self, series: Series) -> bool:
        """Results are of modalities that no task takes; should one ever do, they are known by their series."""
        ours = (
            series_uids(series.study, weights=each.card.weights.sha256, task=each.task.key) for each in self._models
        )
        return any(series.uid in pair for pair in ours)

    def _is_settled(self, instance: Instance, model: LoadedModel) -> bool:
        known = self._ledger.entry(instance.uid, weights=model.card.weights.sha256, task=model.task.key)
        return known is not None and known.state != "begun"

    # ---- one source ----------------------------------------------------------------------------------------------

    def _settle(self, instance: Instance, models: Sequence[LoadedModel]) -> int:
        """Fetch a source once and bring it to an end for each model; how many objects were sent."""
        entries = [(model, self._begin(instance, model)) for model in models]
        try:
            data = self._pacs.scan(instance)
            first, frames = first_scan(data)
        except ScanError as error:
            for _, entry in entries:
                self._unread(entry, error)
            return 0
        sent = 0
        for model, entry in entries:
            if mismatch(first, model.task, unlabelled=self._unlabelled) is not None:
                self._ledger.finish(entry, "not matched")
                continue
            try:
                slices = predict_every(model, data, first=first, frames=frames)
            except ScanError as error:
                self._unread(entry, error)
                continue
            identity = self._pacs.identity(instance.study)
            subject = ReportSubject(
                instance=instance, identity=identity, model=model, slices=slices, created=entry.created
            )
            sent += store(self._pacs, subject)
            self._ledger.finish(entry, "abstained" if subject.abstained else "stored")
            self._say(f"Study {instance.study}: the output of {model.card.key} is stored.")
        return sent

    def _unread(self, entry: LedgerEntry, error: ScanError) -> None:
        self._ledger.finish(entry, "not read")
        self._say(f"An object of study {entry.study} is not read. {error}")

    def _begin(self, instance: Instance, model: LoadedModel) -> LedgerEntry:
        weights, task = model.card.weights.sha256, model.task.key
        uids = result_uids(instance, weights=weights, task=task)
        return self._ledger.begin(
            LedgerEntry(
                source=instance.uid,
                weights=weights,
                task=task,
                study=instance.study,
                model=model.card.key,
                created=datetime.now().replace(microsecond=0),
                state="begun",
                report=uids.report,
                capture=uids.capture,
            )
        )


def store(pacs: Pacs, subject: ReportSubject) -> int:
    """Make both results of a subject and send those that its study does not hold, `2` at most; raises PacsError.

    Afterwards the PACS is asked again: what it does not list is not stored, whatever it answered.
    """
    study, uids, sent = subject.instance.study, subject.uids, 0
    for uid, make in ((uids.report, report), (uids.capture, capture)):
        if not pacs.holds(study, uid):
            _send(pacs, make(subject), study=study, uid=uid)
            sent += 1
    return sent


def _send(pacs: Pacs, result: Dataset, *, study: str, uid: str) -> None:
    """Some servers refuse what they hold: a result that arrived when the process ended is as good as sent."""
    buffer = io.BytesIO()
    result.save_as(buffer, enforce_file_format=True)
    refusal = PacsError(
        Text("pacs.result-not-listed", "The PACS took a result and does not list it; ask whoever runs it.")
    )
    try:
        pacs.send([buffer.getvalue()], study=study)
    except AwayError:
        raise
    except PacsError as error:
        refusal = error
    if not pacs.holds(study, uid):
        raise refusal

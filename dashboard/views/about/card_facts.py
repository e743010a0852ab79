"""A model's card as sentences: what it is, what it was trained on and how, and what is known of its probabilities.

Cards of different ages hold different keys: a fact that a card does not hold is not told.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboard.components.record_parts import protocol_words
from dashboard.language import tr
from dashboard.services.record_types import Card
from dashboard.services.records import reading_figures
from dashboard.services.scans import SIZE
from dashboard.services.words import Text, short_eps

OBJECTIVES = {
    "clean": Text("about.clean-scans", "clean scans only"),
    "n_fgsm": Text("about.n-fgsm", "N-FGSM (noise and one gradient step)"),
    "pgd": Text("lab.pgd", "PGD"),
    "trades": "TRADES",
    "paper": Text("about.fgsm-pgd", "FGSM, PGD, BIM and JSMA, as the paper says"),
    "distill": Text("about.outputs-undefended", "the outputs of an undefended network"),
    "smooth": Text("about.gaussian-noise", "Gaussian noise on a pooled grid, for certificates"),
}
"""How a network was trained, for readers; others are named as the recipe does."""

PARTS = (Text("about.train", "train"), Text("about.val", "val"), Text("about.test", "test"))

MOSTLY = 0.95
"""A network of which a larger share is not zero was rounded, not pruned."""


def facts(card: Card, *, others: Sequence[Card] = ()) -> Iterator[str]:
    """One Markdown line a fact; `others` are what its time may be told beside."""
    yield from _weights(card)
    yield from _cost(card, others)
    yield from _data(card)
    yield from _recipe(card.training)
    yield from _probabilities(reading_figures(card), card)


def _weights(card: Card) -> Iterator[str]:
    yield tr(
        "about.weights-parameters",
        "Weights: {parameters:.2f} million parameters in {megabytes:.1f} MB ({dtype}), SHA-256 `{digest}`",
        parameters=card.parameters / 1e6,
        megabytes=card.weights.bytes / 1e6,
        dtype=card.weights.dtype,
        digest=card.weights.sha256[:12],
    )
    left, of = (_number(card.metrics, key) for key in ("nonzero_weights", "prunable_weights"))
    if left is not None and of and left < MOSTLY * of:
        yield tr(
            "about.pruned-left",
            "Pruned: {left:,.0f} of {of:,.0f} prunable weights are not zero ({share:.0f}%)",
            left=left,
            of=of,
            share=100 * left / of,
        )


def _cost(card: Card, others: Sequence[Card]) -> Iterator[str]:
    metrics = card.metrics
    macs, latency = _number(metrics, "macs"), _number(metrics, "latency", "ratio")
    area = _number(metrics, "clean", "auroc")
    if area is not None:
        yield tr("about.area-under", "Area under the ROC curve {area:.3f}, the mean of the classes", area=area)
    if macs is not None:
        yield tr(
            "about.work-one", "Work for one scan: {macs:.2f} billion multiplications and additions", macs=macs / 1e9
        )
    if latency is not None:
        beside = str(_at(metrics, "latency", "beside"))
        told = tr(
            "about.time-one",
            "Time for one scan: {ratio:.2f} times that of {model}, in turns on one core",
            ratio=latency,
            model=beside,
        )
        # A difference in the size of the images inside is most of the time, and none of the defence's doing.
        other = next((_inside(each) for each in others if each.key == beside), None)
        if other not in (None, _inside(card)):
            told += tr(
                "about.one-works",
                "; that one works on images of {other} x {other} pixels, this one of {own} x {own}",
                other=other,
                own=_inside(card),
            )
        yield told


def _inside(card: Card) -> int:
    """Pixels of a side of the images that a network works on, after pooling."""
    return int(card.preprocessing.get("size", SIZE)) // int(card.config.get("pool", 1))


def _data(card: Card) -> Iterator[str]:
    yield tr(
        "about.protocol-protocol",
        "Protocol: {protocol}",
        protocol=protocol_words(str(card.data.get("protocol", "official"))),
    )
    for part in PARTS:
        scans, digest = _number(card.data, "lists", part, "scans"), _at(card.data, "lists", part, "sha256")
        if scans is not None:
            yield tr(
                "about.part-list",
                "{part} list: {scans:.0f} scans, SHA-256 `{digest}`",
                part=tr(part),
                scans=scans,
                digest=str(digest)[:12],
            )


def _recipe(training: Mapping[str, Any]) -> Iterator[str]:
    kind, eps = _at(training, "recipe", "objective", "kind"), _number(training, "recipe", "objective", "eps")
    epochs, seed = _number(training, "recipe", "epochs"), _number(training, "recipe", "seed")
    if kind is not None:
        words = tr(OBJECTIVES[str(kind)]) if str(kind) in OBJECTIVES else str(kind)
        at = f", ε = {short_eps(eps)}" if eps else ""
        yield tr("about.trained-objective", "Trained on: {objective}", objective=words + at)
    if epochs is not None and seed is not None:
        yield tr("about.epochs-epochs", "{epochs:.0f} epochs, seed {seed:.0f}", epochs=epochs, seed=seed)
    score = _number(training, "validation_score")
    if score is not None:
        yield tr("about.chosen-score", "Chosen by its score on validation patients: {score:.1f}%", score=100 * score)
    offsets = _at(training, "offsets", "by_class")
    if isinstance(offsets, Mapping):
        shifts = _at(training, "offsets", "shifts")
        words = Text(
            "about.classes-balanced",
            "Classes balanced by offsets on the logits, chosen on validation patients: {offsets}",
        )
        if isinstance(shifts, list) and len(shifts) > 1:
            words = Text(
                "about.classes-balanced-offsets",
                "Classes balanced by offsets on the logits, chosen on validation patients over their scans as they are "
                "and stretched, cut and brightened: {offsets}",
            )
        yield tr(
            words,
            offsets=", ".join(f"{label} {value:+.2f}" for label, value in offsets.items()),
        )


def _probabilities(found: Mapping[str, Any], card: Card) -> Iterator[str]:
    """Calibration and abstention, of these very weights only."""
    if not found:
        error = _number(card.metrics, "clean", "expected_calibration_error")
        if error is not None:
            yield tr(
                "about.calibration-error",
                "Calibration error {error:.3f}; its probabilities are not calibrated",
                error=error,
            )
        return
    before = _number(found, Text("about.test", "test"), "calibration", "uncalibrated", "expected_calibration_error")
    after = _number(found, Text("about.test", "test"), "calibration", "calibrated", "expected_calibration_error")
    low, high = _interval(found, Text("about.test", "test"), "calibration") or (None, None)
    temperature, n = _number(found, "temperature"), _number(found, Text("about.test", "test"), "calibration", "n")
    if None not in (before, after, low, high, temperature, n):
        yield tr(
            "about.calibration-error-after",
            "Calibration error {after:.3f} (95% interval {low:.3f} to {high:.3f}, n = {n:.0f}); {before:.3f} before "
            "its temperature of {temperature:.2f} was fitted on validation patients",
            after=after,
            low=low,
            high=high,
            n=n,
            before=before,
            temperature=temperature,
        )
    accepted, refused = _share(found, "accepted", "accepted"), _share(found, "refused", "refused")
    if accepted:
        yield tr("about.scans-own", "Scans of its own kind that it accepts: {share}", share=accepted)
    if refused:
        yield tr("about.other-pictures", "Other pictures that it refuses to read: {share}", share=refused)


def _share(found: Mapping[str, Any], *keys: str) -> str | None:
    """ "98.6% (96.3 to 99.4, n = 276)" of a share with its interval; None where something is missing."""
    share, n, interval = (
        _number(found, Text("about.test", "test"), *keys, "share"),
        _number(found, Text("about.test", "test"), *keys, "n"),
        None,
    )
    if share is not None and n is not None:
        interval = _interval(found, Text("about.test", "test"), *keys)
    if interval is None:
        return None
    low, high = interval
    return tr(
        "about.share-low",
        "{share:.1f}% ({low:.1f} to {high:.1f}, n = {n:.0f})",
        share=100 * (share or 0),
        low=100 * low,
        high=100 * high,
        n=n,
    )


def _interval(found: Mapping[str, Any], *keys: str) -> tuple[float, float] | None:
    values = _at(found, *keys, "interval")
    if isinstance(values, list) and len(values) == 2 and all(isinstance(value, int | float) for value in values):
        return float(values[0]), float(values[1])
    return None


def _number(found: Mapping[str, Any], *keys: str) -> float | None:
    value = _at(found, *keys)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _at(found: Mapping[str, Any], *keys: str) -> Any:
    """The value below those keys; None where one is missing."""
    value: Any = found
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

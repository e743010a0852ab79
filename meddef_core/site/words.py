"""A site report in lines for a reader: the same on the command line and in the PDF."""

from meddef_core.intended_use import INTENDED_USE
from meddef_core.records import SiteNumbers
from meddef_core.records.external import Hits
from meddef_core.records.site import Figure, SiteRow, State
from meddef_core.site.verdict import RULE_SENTENCE
from meddef_core.text import Text
from meddef_core.words import counted, percent

STATES: dict[State, str] = {
    "shipped": Text("site.shipped", "As shipped"),
    "adjusted": Text("site.after-local", "After local adjustment"),
    "finetuned": Text("site.after-local-training", "After local training and adjustment"),
}

HOLDS = {
    "slice": "Labels hold for each slice: every output that differs from its label is an error.",
    "volume": "Labels hold for volumes: about half of the slices of a diseased eye look healthy, so a finding's slice "
    "called NORMAL is no certain error and is counted separately.",
}


def report_lines(name: str, numbers: SiteNumbers) -> list[str]:
    """The report, verdict first. `name` is the model's key."""
    lines = [f"{name} at {numbers.title}: {numbers.verdict.sentence}"]
    lines += [f"  {reason}" for reason in numbers.verdict.reasons]
    lines += [RULE_SENTENCE, counts_line(numbers), HOLDS[numbers.labels_hold]]
    for row in numbers.rows:
        lines += row_lines(row)
    lines += adjustment_lines(numbers)
    return [*lines, INTENDED_USE]


def counts_line(numbers: SiteNumbers) -> str:
    """How many scans there are, and what of them is reported on."""
    said = f"{numbers.n} scans, {numbers.unreadable} files unreadable, {numbers.refused} refused by header or image."
    if numbers.split is None:
        return said
    split = numbers.split
    return (
        f"{said} Fitted on {split.fitted_on}, reported on the other {split.reported_on}; none of the {split.groups} "
        "patients or blocks of neighbours is divided."
    )


def row_lines(row: SiteRow) -> list[str]:
    """One state of the model."""
    lines = [f"{STATES[row.state]}, n = {row.n}"]
    lines += [f"  {name}: {figure_words(value)}" for name, value in figures(row).items()]
    lines.append(f"  stated confidence: {percent(row.confidence)} on average")
    lines.append(f"  wrong for certain and accepted: {hits_words(row.certain_and_accepted)}")
    lines.append(f"  finding called NORMAL and accepted: {hits_words(row.missed_and_accepted)}")
    if row.healthy_given_a_finding_and_accepted is not None:
        lines.append(f"  NORMAL given a finding and accepted: {hits_words(row.healthy_given_a_finding_and_accepted)}")
    lines.append(f"  area under the risk-coverage curve: {row.curve.aurc:.3f}")
    for label, of in row.by_label.items():
        shown = ", ".join(f"{name} {count}" for name, count in of.accepted_as.items() if count)
        area = f", AUROC {row.auroc[label]:.2f}" if label in row.auroc else ""
        lines.append(f"  {label:<10} n = {of.n}: accepted {of.accepted}" + (f" ({shown})" if shown else "") + area)
    return lines


def figures(row: SiteRow) -> dict[str, Figure]:
    """What is compared with the test set, by name."""
    found: dict[str, Figure | None] = {
        "balanced accuracy": row.balanced_accuracy,
        **{f"recall of {label}": value for label, value in row.recalls.items()},
        "calibration error": row.calibration_error,
        "accepted": row.accepted,
        "wrong and accepted": row.wrong_and_accepted,
        "balanced accuracy on accepted scans": row.balanced_on_accepted,
        "accuracy under PGD-20 at 4/255 (an upper bound)": row.robust,
    }
    return {name: value for name, value in found.items() if value is not None}


def figure_words(value: Figure) -> str:
    """ "91.0% (86.1% to 94.3%); test set 97.6%, difference -6.6 points (-11.3 to -1.8), significant"."""
    low, high = value.interval
    said = f"{counted(value.here)} ({percent(low)} to {percent(high)})"
    if value.difference is None or value.there is None:
        return said
    lost = value.difference
    ends = " to ".join(f"{100 * end:+.1f}" for end in lost.interval)
    word = "significant" if lost.significant else "not significant"
    p = "" if lost.p is None else f", p = {lost.p:.3f}" if lost.p >= 0.001 else ", p < 0.001"
    return f"{said}; test set {counted(value.there)}, difference {100 * lost.value:+.1f} points ({ends}), {word}{p}"


def hits_words(hits: Hits) -> str:
    """ "2.6% (1.0% to 6.5%), 4 of 155"."""
    low, high = hits.interval
    return f"{counted(hits.share)} ({percent(low)} to {percent(high)}), {hits.hits} of {hits.n}"


def adjustment_lines(numbers: SiteNumbers) -> list[str]:
    """What was fitted."""
    if numbers.adjustment is None:
        return []
    found = numbers.adjustment
    moved = ", ".join(f"{name} {value:+.2f}" for name, value in found.offsets.items() if value) or "none"
    alphas = ", ".join(f"{name} {100 * value:.1f}%" for name, value in found.alphas.items())
    lines = [f"Adjusted: temperature {found.temperature:.2f}; offsets {moved}; wrong and accepted kept below {alphas}."]
    if numbers.finetuning is not None:
        trained = numbers.finetuning
        lines.append(
            f"Trained for {trained.epochs} epochs (N-FGSM at {255 * trained.eps:.0f}/255); {trained.share:.0%} of the "
            "result, the rest as shipped."
        )
    return lines

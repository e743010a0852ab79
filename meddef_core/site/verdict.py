"""By which a model is called fit for a hospital: one written rule, in one place."""

from meddef_core.records.site import Rule, SiteRow, SiteVerdict, Word
from meddef_core.site.compare import ALPHA
from meddef_core.text import Text
from meddef_core.words import counted, percent

MOST_WRONG_AND_ACCEPTED = 0.05
"""Largest share of all scans that may be wrong and accepted; the upper limit of its interval is told beside it."""

LEAST_ACCEPTED = 0.60
"""Smallest share of all scans that must be accepted: abstaining from most is of no use."""

RULE = Rule(
    most_wrong_and_accepted=MOST_WRONG_AND_ACCEPTED, least_accepted=LEAST_ACCEPTED, significance=ALPHA
)  # fmt: skip

RULE_SENTENCE = (
    f"Rule: fit if at most {MOST_WRONG_AND_ACCEPTED:.0%} of the scans are wrong and accepted, at least "
    f"{LEAST_ACCEPTED:.0%} are accepted, and balanced accuracy on accepted scans is not significantly below that on "
    "the model's test set (95% interval)."
)

SENTENCES: dict[Word, str] = {
    "fit": Text("site.fit-model", "Fit: the model meets the rule on these scans as it ships."),
    "fit_after_adjustment": Text(
        "site.fit-after",
        "Fit after local adjustment: with the site profile the model meets the rule on scans that "
        "the profile was not fitted on; as it ships it does not.",
    ),
    "not_fit": Text("site.not-fit", "Not fit: the model does not meet the rule on these scans."),
}


def verdict(rows: tuple[SiteRow, ...]) -> SiteVerdict:
    """The verdict over the states of a model, the shipped one first, the final one last."""
    first, last = failures(rows[0]), failures(rows[-1])
    word: Word = "fit" if not first else "fit_after_adjustment" if len(rows) > 1 and not last else "not_fit"
    reasons = () if word == "fit" else first if word == "fit_after_adjustment" else last
    sentence = SENTENCES[word]
    if word == "not_fit" and len(rows) == 1:
        sentence += " Run `meddef site --adjust` to see whether a local adjustment helps."
    elif word == "not_fit":
        sentence += " The local adjustment does not change that."
    return SiteVerdict(word=word, sentence=sentence, reasons=reasons, rule=RULE)


def failures(row: SiteRow) -> tuple[str, ...]:
    """The conditions of the rule that a state does not meet, in sentences."""
    said = []
    if row.wrong_and_accepted.here > MOST_WRONG_AND_ACCEPTED:
        high = row.wrong_and_accepted.interval[1]
        said.append(
            f"{counted(row.wrong_and_accepted.here)} of the scans are wrong and accepted (at most {percent(high)} with "
            f"95% confidence), and at most {MOST_WRONG_AND_ACCEPTED:.0%} may be."
        )
    if row.accepted.here < LEAST_ACCEPTED:
        said.append(
            f"{counted(row.accepted.here)} of the scans are accepted, and at least {LEAST_ACCEPTED:.0%} must be."
        )
    compared = row.balanced_on_accepted
    if compared is not None and compared.difference is not None and compared.there is not None:
        lost = compared.difference
        if lost.significant and lost.value < 0:
            said.append(
                f"Balanced accuracy on accepted scans is {counted(compared.here)}, significantly below the "
                f"{counted(compared.there)} on the model's test set."
            )
    return tuple(said)

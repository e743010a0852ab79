"""What a prediction is worth as a yes/no test, in one paragraph for picture and page."""

from meddef_core.errors import ModelError
from meddef_core.prediction import Fitted, Proportion, ThresholdQuestion, fitted_for, questions
from meddef_core.prediction.operating import ANY_FINDING
from meddef_core.prediction.predictive import (
    LEAST_PREVALENCE,
    MOST_PREVALENCE,
    STANDARD_PREVALENCE,
    Range,
    predictive_ranges,
    span_of,
    standard_point,
)
from meddef_core.records.prediction import Output
from meddef_core.report.facts import class_words
from meddef_core.tasks import Task
from meddef_core.words import counted, percent
from meddef_core.zoo import LoadedModel

NOT_FITTED = "No threshold was fitted for these weights, so there are no sensitivity and no predictive values."
NOT_USUAL = "This scan is unusual: these figures were measured on usual scans and may not hold."


def worth_line(model: LoadedModel, output: Output) -> str:
    """Threshold, sensitivity, specificity and predictive values, and on which side the scan lies.

    Empty where the model abstains: there is nothing to be worth anything.
    """
    if output.abstained is not None:
        return ""
    fitted = _fitted(model)
    if fitted is None:
        return NOT_FITTED
    question = questions(model.task)[0]
    point = standard_point(fitted, question)
    score = sum(output.shown[index] for index in question.positive)
    ppv, npv = predictive_ranges(point, prevalence=STANDARD_PREVALENCE)
    wide_ppv, wide_npv = span_of(point)
    said = [
        f"Yes/no test for {_question_words(question, model.task)} at the standard threshold "
        f"{percent(point.threshold)}: {'positive' if score >= point.threshold else 'negative'} ({percent(score)}).",
        f"Test set: sensitivity {_share(point.sensitivity)}, specificity {_share(point.specificity)}.",
        f"At a prevalence of {STANDARD_PREVALENCE:.0%}: PPV {_range(ppv)}, NPV {_range(npv)}; from "
        f"{LEAST_PREVALENCE:.0%} to {MOST_PREVALENCE:.0%}: PPV {_range(wide_ppv)}, NPV {_range(wide_npv)}.",
    ]
    return " ".join([*said, NOT_USUAL] if output.taken == "unusual" else said)


def _fitted(model: LoadedModel) -> Fitted | None:
    """The fit of the model's weights; what was measured without a site profile is not true with one."""
    try:
        return fitted_for(model) if model.site is None else None
    except ModelError:  # the prediction itself says why its fit is not used
        return None


def _question_words(question: ThresholdQuestion, task: Task) -> str:
    return "any finding" if question.key == ANY_FINDING else class_words(task, question.key)


def _share(share: Proportion) -> str:
    low, high = share.interval
    return f"{counted(share.value)} [{percent(low)}, {percent(high)}] ({share.hits} / {share.n})"


def _range(ends: Range) -> str:
    low, high = ("-" if end is None else percent(end) for end in ends)
    return f"{low} to {high}"

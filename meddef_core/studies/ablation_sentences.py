"""What an ablation found, in sentences with places to fill, and why runs cannot be compared."""

from meddef_core.text import Text

MORE = Text("study.network-holds", "{network} is robust on more scans than these: {others}.")
FEWER = Text("study.network-holds-fewer", "{network} is robust on fewer scans than these: {others}.")
NO_DIFFERENCE = Text("study.no-part", "No part of the network makes a significant difference under attack.")
ONE_SEED = Text("study.one-seed", "One seed says nothing about training: another could turn this round ({variants}).")
VERDICTS = (MORE, FEWER, NO_DIFFERENCE, ONE_SEED)
"""All that `ablation.verdict` says."""


def run_of_other_task(run: str, task: str, *, asked: str) -> Text:
    """A run that was trained on other scans."""
    return Text(
        "studies.run-other-task",
        "The run {run} was trained on {task} scans, not {asked}; leave it out.",
        run=run,
        task=task,
        asked=asked,
    )


def runs_alike(variant: str, seed: int) -> Text:
    """Two runs that would be one row."""
    return Text(
        "studies.runs-alike",
        "Two runs are of the variant {variant} and the seed {seed}; leave one of them out.",
        variant=variant,
        seed=seed,
    )


def run_of_other_recipe(run: str, first: str, difference: str) -> Text:
    """A run that differs in more than its variant and seed."""
    return Text(
        "studies.run-other-recipe",
        "{run} was trained by another recipe than {first}: {difference}; leave it out.",
        run=run,
        first=first,
        difference=difference,
    )


def setting_differs(key: str, value: object, expected: object) -> Text:
    """One setting of a recipe."""
    return Text("studies.setting-differs", "{key} is {value}, not {expected}", key=key, value=value, expected=expected)

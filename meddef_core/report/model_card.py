"""A model's card as a README in the layout of the Hugging Face Hub: front matter, then the usual sections.

Every figure comes from `card.json` and from what was fitted for its weights, so that the text cannot differ from them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from meddef_core.eps import short_eps
from meddef_core.errors import ModelError
from meddef_core.evaluation.card_numbers import strongest
from meddef_core.intended_use import INTENDED_USE
from meddef_core.prediction.files import NAME, ReadingCard
from meddef_core.records import Balanced, DamagedRecord, figures_of
from meddef_core.records.documents import markdown
from meddef_core.tasks import Task, get_task
from meddef_core.text import Text
from meddef_core.words import counted
from meddef_core.zoo import Card

SECTIONS = (
    "Model details", "Uses", "Out-of-scope use", "How to use", "Training data", "Training procedure", "Evaluation",
    "Other hospitals", "Limitations", "Licence", "Citation",
)  # fmt: skip
"""Titles of the sections, in their order."""

OBJECTIVES = {
    "clean": "clean scans only, without a defence",
    "n_fgsm": "adversarial training with N-FGSM (noise and one gradient step)",
    "pgd": "adversarial training with PGD",
    "paper": "adversarial training as the paper describes it (FGSM, PGD, BIM and JSMA)",
    "distill": "defensive distillation from an undefended network",
}
"""What a model was trained to minimise, in words."""

CITATION = """\
@article{meddef2025,
  title  = {MedDef: An Efficient Self-Attention Model for Adversarial Resilience in Medical Imaging with
            Unstructured Pruning},
  author = {Dongbo and Niu and Fero and Bargin and Kofa},
  year   = {2025}
}"""

NOT_HERE = "; they do not ship, this card is a record"
"""Stands with the hash of weights that are not here."""


def model_readme(card: Card, folder: Path) -> str:
    """The README of a model; `folder` holds what was fitted for its weights, if anything was."""
    task = get_task(card.task)
    bodies = (
        _details(card, task), _uses(card, task), _out_of_scope(task), _how_to_use(card), _training_data(card, task),
        _procedure(card), _evaluation(card), _other_hospitals(card, folder), _limitations(card, task), _licence(task),
        f"```bibtex\n{CITATION}\n```",
    )  # fmt: skip
    sections = [f"## {title}\n\n{body}" for title, body in zip(SECTIONS, bodies, strict=True)]
    return "\n\n".join([_front_matter(card), f"# {card.key}: {card.title}", f"**{INTENDED_USE}**", *sections]) + "\n"


def _front_matter(card: Card) -> str:
    tags = ("medical-imaging", "adversarial-robustness", card.task)
    lines = ["license: apache-2.0", "library_name: meddef", "pipeline_tag: image-classification", "tags:"]
    return "\n".join(["---", *lines, *(f"  - {tag}" for tag in tags), "---"])


def _details(card: Card, task: Task) -> str:
    config, weights = card.config, card.weights
    here = "" if weights.ships else NOT_HERE
    side = card.preprocessing.get("size", 224) // config.get("pool", 1)
    rows = [
        ("summary", card.summary),
        ("task", f"{task.title}: {', '.join(task.classes)}"),
        ("input", "one grey image, 224 x 224, float32 in [0, 1]; the model normalises it"),
        ("output", "logits, one for each class"),
        ("resolution inside", f"{side} x {side}"),
        ("parameters", f"{card.parameters:,}"),
        ("weights", f"{weights.bytes / 1e6:.2f} MB ({weights.dtype}), SHA-256 `{weights.sha256}`{here}"),
    ]
    return markdown(["property", "value"], rows)


def _uses(card: Card, task: Task) -> str:
    role = (
        "It is the undefended counterpart in comparisons: it shows that the attacks work."
        if card.objective == "clean"
        else "It serves to study adversarial attacks on medical images, and defences against them."
    )
    return f"Research and teaching on {task.modality} images. {role}"


def _out_of_scope(task: Task) -> str:
    return (
        "- Diagnosis, triage or any decision about a patient.\n"
        f"- Images of other kinds or populations. {task.population.sentence}\n"
        "- Diseases that are not among the classes.\n"
        "- Claims of security: a stronger attack may still succeed."
    )


def _how_to_use(card: Card) -> str:
    return f"```\nmeddef predict FILE --task {card.task} --model {card.name}\n```"


def _training_data(card: Card, task: Task) -> str:
    lists = card.data.get("lists", {})
    rows = [(part, f"{about['scans']:,}", f"`{about['sha256']}`") for part, about in lists.items() if "sha256" in about]
    protocol = str(card.data.get("protocol", "official")).replace("_", " ")
    source = f"{task.source} ({task.licence}). {task.population.sentence}"
    split = f"Protocol: {protocol}. Sets are divided by patient; duplicates count once."
    return f"{source} {split}\n\n{markdown(['set', 'scans', 'SHA-256 of the list'], rows)}"


def _procedure(card: Card) -> str:
    recipe, objective = card.training.get("recipe", {}), card.objective
    lines = [f"Objective: {OBJECTIVES.get(objective or '', objective or 'not recorded')}."]
    eps = recipe.get("objective", {}).get("eps")
    if eps and objective in ("n_fgsm", "pgd"):
        lines.append(f"Epsilon: {short_eps(eps)} (L-infinity, pixel units).")
    if "epochs" in recipe:
        lines.append(f"Epochs: {recipe['epochs']}, seed {recipe.get('seed', 0)}.")
    if offsets := card.training.get("offsets"):
        added = ", ".join(f"{name} {value:+.2f}" for name, value in offsets["by_class"].items())
        lines.append(f"Offsets on the logits, chosen on validation patients: {added}.")
    nonzero, prunable = card.metrics.get("nonzero_weights"), card.metrics.get("prunable_weights")
    if nonzero and prunable and nonzero < prunable / 2:
        lines.append(f"Pruned: {counted(nonzero / prunable)} of the prunable weights are not zero.")
    return "\n".join(f"- {line}" for line in lines)


def _evaluation(card: Card) -> str:
    try:
        figures = figures_of(card.metrics)
    except DamagedRecord:
        return "Not measured yet."
    rows = [("clean", *_cells(figures.clean))]
    by_eps = strongest(figures.attacked)
    rows += [(f"PGD-20 at {short_eps(eps)}", *_cells(by_eps[eps])) for eps in sorted(by_eps)]
    recall = ", ".join(f"{name} {counted(value)}" for name, value in figures.clean.recall.items())
    return (
        f"Test set of {figures.n} scans; the model was not trained on it. The lab log (docs/lab-log) says where a "
        "choice was made after the test set had been seen. PGD-20 gives an upper bound on robust accuracy; the "
        "worst case is lower (docs/results.md). Where two losses were measured, the lower figure stands.\n\n"
        f"{markdown(['condition', 'balanced accuracy', '95% interval'], rows)}\n\nRecall on clean scans: {recall}."
    )


def _cells(share: Balanced) -> tuple[str, str]:
    low, high = share.balanced_interval
    return counted(share.balanced_accuracy), f"{counted(low)} to {counted(high)}"


def _other_hospitals(card: Card, folder: Path) -> str:
    about = _guarantee(card, folder).get("other_hospital")
    if not about:
        return "Not evaluated on scans of another hospital. Expect much lower accuracy there."
    rows = [(label, str(each["n"]), counted(each["accepted"]["share"])) for label, each in about["by_label"].items()]
    accepted, wrong = about["accepted"], about["wrong_and_accepted"]
    return (
        f"{about['title']}, {accepted['n']} scans, with limits of abstention chosen out of fold. The model accepts "
        f"{counted(accepted['share'])} of them; {counted(wrong['share'])} of all are accepted and wrong. On the rest "
        f"it abstains. {about['labels']}\n\n{markdown(['label', 'scans', 'accepted'], rows)}"
    )


def other_hospital_table(cards: Sequence[Card], root: Path) -> str:
    """One row a model that was measured on another hospital: what it accepts, and what of all is accepted and wrong."""
    rows = []
    for card in cards:
        about = _guarantee(card, root / card.task / card.name).get("other_hospital")
        if about:
            shares = [counted(about[key]["share"]) for key in ("accepted", "wrong_and_accepted")]
            rows.append([card.key, about["title"], str(about["accepted"]["n"]), *shares])
    return markdown(["model", "source", "scans", "accepted", "accepted and wrong, of all"], rows)


def _guarantee(card: Card, folder: Path) -> dict[str, Any]:
    """What is known of another hospital for these very weights; empty where nothing was fitted for them."""
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        fitted = ReadingCard.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        raise ModelError(
            Text(
                "report.fit-unusable",
                "{model}/{name} cannot be used; run `meddef calibrate` for this model again.",
                model=card.key,
                name=NAME,
            )
        ) from error
    return fitted.guarantee or {} if fitted.weights_sha256 == card.weights.sha256 else {}


def _limitations(card: Card, task: Task) -> str:
    lines: Sequence[str] = (
        task.population.sentence,
        "It was trained on scans of one source, so accuracy on other devices, hospitals and ages can be much lower.",
        "Robustness was measured against the listed attacks and epsilons only.",
        "Maps show what moved the output, not where disease is.",
    )
    if any(card.config.get(name) for name in ("afd", "mfe", "msf")):
        lines = (*lines, "DAAM gave no measurable benefit in our ablation (docs/lab-log/daam.md).")
    return "\n".join(f"- {line}" for line in lines)


def _licence(task: Task) -> str:
    return f"Weights and code: Apache-2.0. The training scans: {task.licence}, owned by their authors."

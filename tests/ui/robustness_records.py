"""A folder of records with made-up numbers in the formats that `meddef` writes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meddef_core.records import SCHEMA_VERSION
from meddef_core.records.documents import RESULTS
from meddef_core.zoo import list_models

N = 40
OTHER = "0" * 64
"""Weights of no model."""


def share(right: float) -> dict[str, Any]:
    interval = [max(0.0, right - 0.1), min(1.0, right + 0.08)]
    return {
        "balanced_accuracy": right, "balanced_interval": interval, "accuracy": right, "accuracy_interval": interval,
        "recall": {"CNV": right},
    }  # fmt: skip


def spec(name: str = "pgd", eps: float = 4 / 255, **changes: Any) -> dict[str, Any]:
    return {"name": name, "eps": eps, "steps": 20, "restarts": 1, "loss": "ce", "target": None, "theta": 0.1} | changes


def attacked(right: float, **changes: Any) -> dict[str, Any]:
    used = spec(**changes)
    return share(right) | {"spec": used, "eps": used["eps"], "attack_success_rate": 0.5}


def by_attacker(right: float) -> dict[str, Any]:
    return share(right) | {"spec": spec()}


def outlasted(right: float, eps: float) -> dict[str, Any]:
    return share(right) | {
        "eps": eps, "attack_success_rate": 0.5, "unbroken": 16, "misread_clean": 4, "broken_at_smaller_budget": 0,
    }  # fmt: skip


def record(kind: str, numbers: Mapping[str, Any], *, key: str, weights: str) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION, "kind": kind, "created": "2026-01-01T00:00:00+00:00", "seed": 0,
        "model": {"key": key, "weights_sha256": weights, "card_sha256": None}, "versions": {"meddef": "0.1.0"},
        "data": {"protocol": "official", "part": "test", "n": N, "limit": 40}, "numbers": dict(numbers),
        "intended_use": "Words.",
    }  # fmt: skip


def worst(key: str, weights: str, *, right: float = 0.41) -> dict[str, Any]:
    rows = [
        outlasted(value, eps) | {
            "budget": eps,
            "attacks": [
                {"spec": spec("apgd_ce", eps), "tried": N, "broken": 9},
                {"spec": spec("square", eps), "tried": 20, "broken": 1},
            ],
        }
        for value, eps in ((right + 0.2, 2 / 255), (right, 4 / 255))
    ]  # fmt: skip
    numbers = {"n": N, "norm": "linf", "clean": share(0.9), "attacked": rows}
    return record("worst_case", numbers, key=key, weights=weights)


def paper(key: str, weights: str) -> dict[str, Any]:
    rows = [attacked(0.2, name=name, eps=0.05) | {"n": N} for name in ("fgsm", "pgd", "bim")]
    rows.append(attacked(0.3, name="jsma", eps=0.14, theta=0.05) | {"n": 32})
    return record("evaluation", {"n": N, "clean": share(0.93), "attacked": rows}, key=key, weights=weights)


def pruning(key: str, weights: str) -> dict[str, Any]:
    rows = [
        {"sparsity": level, "nonzero": round(1000 * (1 - level)), "n": N, "clean": share(0.9 - level / 2),
         "answers": answers, "attacked": [attacked(0.5 - level / 2)]}
        for level, answers in ((0.0, {"CNV": 0.5, "DME": 0.5}), (0.8, {"CNV": 1.0, "DME": 0.0}))
    ]  # fmt: skip
    numbers = {"method": "one-shot global magnitude", "prunable": 1000, "rows": rows}
    return record("prune_sweep", numbers, key=key, weights=weights)


def baselines(key: str, weights: str) -> dict[str, Any]:
    rows = [
        {"id": f"{key}+jpeg", "title": "JPEG", "summary": "Compressed.", "citation": None, "randomised": False,
         "weights_sha256": [weights], "clean": share(0.9), "ignoring": by_attacker(0.8), "adaptive": by_attacker(0.1)}
    ]  # fmt: skip
    numbers = {"n": N, "eps": 4 / 255, "attack": spec(), "rows": rows}
    return record("baselines", numbers, key=key, weights=weights)


def shifts(weights: Mapping[str, str]) -> dict[str, Any]:
    """The undefended network loses a class when it is darker; of the others no change costs anything."""

    def row(key: str, title: str, cnv: float, normal: float) -> dict[str, Any]:
        mean = (cnv + normal) / 2
        interval = [max(0.0, mean - 0.1), min(1.0, mean + 0.08)]
        recall = {"CNV": cnv, "NORMAL": normal}
        share = {"balanced_accuracy": mean, "balanced_interval": interval, "recall": recall}
        return {"shift": key, "title": title} | share

    rows = []
    for model, digest in weights.items():
        left = 0.3 if model.endswith("undefended") else 0.9
        read = [row("none", "as it is", 0.9, 0.9), row("darker", "darker (gamma 1.6)", 0.9, left)]
        read.append(row("mirrored", "mirrored", 0.9, 0.94))
        rows.append({"model": model, "weights_sha256": digest, "shifts": read})
    document = record("shifts", {"n": N, "rows": rows, "note": "Words."}, key="oct/several", weights=OTHER)
    document["model"]["weights_sha256"] = None
    document["data"] = {"protocol": "official", "part": "test", "n": N, "sha256": "0" * 64}
    return document


def external(key: str, weights: str) -> dict[str, Any]:
    def hits(count: int) -> dict[str, Any]:
        return {"share": count / N, "hits": count, "n": N, "interval": [count / N / 2, (1 + count / N) / 2]}

    def row(eps: float, wrong: int) -> dict[str, Any]:
        return {
            "eps": eps, "spec": spec(eps=eps) if eps else None, "accepted": hits(20), "without_remark": hits(5),
            "correct": hits(24), "correct_and_accepted": hits(20 - wrong), "wrong_and_accepted": hits(wrong),
            "confidence": 0.7, "calibration_error": 0.1, "auroc": {"NORMAL": 0.75},
            "by_label": {"NORMAL": {"n": N, "outputs": {"NORMAL": N}, "accepted_as": {"NORMAL": 20}}},
            "curve": {"coverages": [0.5, 1.0], "risks": [0.05, 0.4], "aurc": 0.2},
        }  # fmt: skip

    source = {"key": "there", "title": "A hospital", "labels": "Good labels.", "out_of_fold": True, "unreadable": 0}
    numbers = {"n": N, "source": source, "rows": [row(0.0, 1), row(4 / 255, 7)]}
    return record("external", numbers, key=key, weights=weights)


def ablation() -> dict[str, Any]:
    rows = [
        {"variant": name, "title": title, "parameters": 9, "clean": spread(0.9), "attacked": spread(right), "seeds": [
            {"seed": seed, "run": f"{name}-{seed}", "weights_sha256": f"{seed}" * 64, "clean": share(0.9),
             "attacked": outlasted(right + seed / 100, 8 / 255) | {"spec": spec(), "n": N}, "holds": []}
            for seed in range(3)
        ]}
        for name, title, right in (("full", "Full network", 0.6), ("without_daam", "without DAAM", 0.5))
    ]  # fmt: skip
    counts = {"only_first": 12, "only_second": 1, "p": 0.003}
    pair = {"first": "full", "second": "without_daam", "seeds": [0, 1, 2]} | counts
    numbers = {"n": N, "eps": 8 / 255, "recipe": {}, "rows": rows, "pairs": [pair], "verdict": "Words."}
    return record("ablation", numbers, key="oct/full", weights=OTHER)


def spread(mean: float) -> dict[str, float]:
    return {"mean": mean, "standard_deviation": 0.01}


def balanced(right: float) -> dict[str, Any]:
    return {key: value for key, value in share(right).items() if key.startswith("balanced")}


def dissection(key: str, weights: str) -> dict[str, Any]:
    def row(lesion: str, title: str, right: float, p: float) -> dict[str, Any]:
        return {
            "lesion": lesion, "title": title, "clean": balanced(0.9), "attacked": balanced(right),
            "read_otherwise": 3, "only_intact": 5, "only_lesioned": 2, "p": p,
        }  # fmt: skip

    gate = {"mean": 0.497, "between_scans": 0.03, "shut": 0.002, "open": 0.003, "moved": 0.0141, "detects": 0.527}
    spread = {"mean": 0.2, "between_scans": 0.1, "shut": 0.4, "open": 0.01}
    gates = {
        "added": 0.141, "moved_before": 0.281, "moved_after": 0.286, "noise_gate": gate, "channel_attention": spread,
    }  # fmt: skip
    rows = [row("none", "as trained", 0.75, 1.0), row("daam", "DAAM left out", 0.71, 0.45)]
    numbers = {"n": N, "eps": 8 / 255, "gates": gates, "lesions": rows}
    return record("dissection", numbers, key=key, weights=weights) | {"spec": spec(eps=8 / 255)}


def audit(key: str, weights: str, *, verdict: str = "red") -> dict[str, Any]:
    findings = [
        {"check": "beats_noise", "group": "sanity", "title": "Gradient stronger than noise", "status": "failed",
         "severity": "red", "sentence": "Noise breaks more than the gradient.", "figures": {}},
        {"check": "class_count", "group": "contract", "title": "Class count", "status": "passed", "severity": None,
         "sentence": "The model has 4 outputs for 4 classes.", "figures": {}},
    ]  # fmt: skip
    numbers = {
        "verdict": verdict, "meaning": "A severe flaw was found: the number says nothing about robustness.",
        "plan": "quick", "eps": 4 / 255, "n": 32, "clean": 31, "robust": 29, "robust_interval": [0.7, 0.97],
        "findings": findings,
    }  # fmt: skip
    return record("audit", numbers, key=key, weights=weights)


def write(root: Path, name: str, document: Mapping[str, Any] | str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def fill(root: Path) -> None:
    """Every kind of record of the task oct, of the models on this server."""
    weights = {card.name: card.weights.sha256 for card in list_models() if card.task == "oct"}
    full(root, weights=weights, reported=RESULTS / "reported.json")


def full(root: Path, *, weights: Mapping[str, str], reported: Path) -> None:
    """Every kind of record of the task oct; `weights` by model."""
    write(root, "reported.json", reported.read_text(encoding="utf-8"))
    write(root, "baselines/oct.json", baselines("oct/undefended", weights["undefended"]))
    write(root, "shifts/oct.json", shifts({f"oct/{name}": digest for name, digest in weights.items()}))
    write(root, "ablation/oct.json", ablation())
    for name, digest in weights.items():
        for kind, made in (
            ("worst", worst),
            ("paper", paper),
            ("pruning", pruning),
            ("audit", audit),
            ("dissection", dissection),
        ):
            write(root, f"{kind}/oct/{name}.json", made(f"oct/{name}", digest))

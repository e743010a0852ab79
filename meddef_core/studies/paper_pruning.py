"""The paper's pruning table: attack success rates after one-shot pruning, reported beside re-measured.

Reported numbers come from `assets/results/reported.json`, re-measured ones from the record that `meddef prune --sweep
--attacks paper --levels 0.3,0.7,0.8 --output assets/results/paper-pruning/<task>.json` writes; none is typed here.
"""

from pathlib import Path

from meddef_core.attacks import AttackSpec, default_spec
from meddef_core.records import PruneRecord
from meddef_core.records.documents import markdown, read_reported, read_study, shown
from meddef_core.studies.paper import PAPER_ATTACKS, PAPER_REL_STEP, PAPER_STEPS, pair, percent

EPS, THETA = 0.05, 0.1
"""Section on attacks: FGSM, PGD and BIM at epsilon 0.05, JSMA with theta 0.1 (gamma 14 %); the pruning table
names none."""


def pruning_attacks() -> list[AttackSpec]:
    """The attacks behind the paper's success rates; fooled images leave, which changes no rate."""
    specs = []
    for name in ("fgsm", "pgd", "bim"):
        rel_step = None if name == "fgsm" else PAPER_REL_STEP
        specs.append(AttackSpec(name=name, eps=EPS, steps=PAPER_STEPS, rel_step=rel_step, stop_when_fooled=True))
    return [*specs, default_spec("jsma", theta=THETA, stop_when_fooled=True)]


def paper_pruning_table(task: str, *, root: Path | None = None) -> str:
    """A row for each level: our clean accuracy and commonest answer, then success rates `reported / re-measured`."""
    reported = {row.sparsity: row for row in read_reported().pruning if row.task == task}
    record = read_study(PruneRecord, "paper-pruning", task, root=root)
    measured = {} if record is None else {row.sparsity: row for row in record.numbers.rows}
    rows = []
    for sparsity in sorted(reported.keys() | measured.keys()):
        claim, ours = reported.get(sparsity), measured.get(sparsity)
        cells = ["-", "-"]
        rates: dict[str, float | None] = {}
        if ours is not None:
            label, share = max(ours.answers.items(), key=lambda each: each[1])
            cells = [f"{100 * ours.clean.accuracy:.1f}", f"{label} {100 * share:.0f}"]
            rates = {row.spec.name: row.attack_success_rate for row in ours.attacked}
        under = (pair(claim.of(a) if claim else None, percent(rates.get(a))) for a in PAPER_ATTACKS)
        rows.append([f"{sparsity:.0%}", *cells, *under])
    ours_is = "ours" if record is None else shown(record.model.key, record, title="ours")
    head = ["pruned", f"clean, {ours_is}", "commonest answer, ours", *(name.upper() for name in PAPER_ATTACKS)]
    return markdown(head, rows)

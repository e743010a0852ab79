"""The ablation: variants of one recipe on the same scans, paired, over seeds; its record grows with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Run, assert_refused
from tiny_training import tiny_recipe

from meddef_core.errors import AttackError
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.records import AblationRecord
from meddef_core.studies.ablation import (
    MeasuredVariant,
    Trained,
    ablation_attacks,
    measure_trained,
    open_trained,
    variant_of,
    verdict,
)
from meddef_core.studies.ablation_sentences import NO_DIFFERENCE, VERDICTS
from meddef_core.training.loop import train

VARIANTS = ("full", "without_daam")


@pytest.fixture(scope="module")
def runs(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of runs named by variant and seed: three variants of seed 0, the full network of seed 1 as well."""
    root = tmp_path_factory.mktemp("ablation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        for variant, seed in (("full", 0), ("without_daam", 0), ("full", 1)):
            trained(root / f"{variant}-{seed}", tiny_data, variant=variant, seed=seed)
        trained(root / "full_stage3-0", tiny_data, variant="full", daam_after=3)
    return root


def trained(folder: Path, data: Path, *, variant: str, seed: int = 0, daam_after: int = 4, **changes: object) -> Path:
    model = {"variant": variant, "width": 4, "pool": 4, "daam_after": daam_after}
    recipe = tiny_recipe(epochs=1, seed=seed, objective={"kind": "clean"}, model=model, **changes)
    train(recipe, data_dir=data, run_dir=folder)
    return folder


def command(runs: Path, data: Path, *names: str, restarts: int = 1) -> tuple[object, ...]:
    given = [part for name in names for part in ("--run", runs / name)]
    return ("ablation", "--task", "oct", *given, "--restarts", restarts, "--limit", 4, "--data-dir", data)


def pair(**changes: object) -> dict[str, Any]:
    found = {"first": "full", "second": "without_afd", "seeds": [0, 1, 2], "only_first": 0, "only_second": 0, "p": 1.0}
    return found | changes


def test_every_seed_stands_in_the_record_with_its_pairs(run: Run, runs: Path, tiny_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "oct.json"
    arguments = command(runs, tiny_data, "without_daam-0", "full-1", "full-0")
    document = run(*arguments, "--output", output, "--json").document
    assert json.loads(output.read_text()) == document
    numbers = document["numbers"]
    assert [(row["variant"], [each["seed"] for each in row["seeds"]]) for row in numbers["rows"]] == [
        ("full", [0, 1]),
        ("without_daam", [0]),
    ]
    full, without = numbers["rows"]
    assert full["parameters"] > without["parameters"] and without["title"] == "without DAAM"
    first, second = (each["attacked"]["balanced_accuracy"] for each in full["seeds"])
    assert full["attacked"]["mean"] == pytest.approx((first + second) / 2)
    assert full["attacked"]["standard_deviation"] == pytest.approx(abs(first - second) / 2**0.5)
    assert without["clean"]["standard_deviation"] is None
    (compared,) = numbers["pairs"]
    held = {row["variant"]: row["seeds"][0]["holds"] for row in numbers["rows"]}
    only = [[a and not b for a, b in zip(held[x], held[y], strict=True)] for x, y in (VARIANTS, VARIANTS[::-1])]
    assert (compared["only_first"], compared["only_second"]) == (sum(only[0]), sum(only[1]))
    assert compared["seeds"] == [0] and compared["p"] == mcnemar(sum(only[0]), sum(only[1]))
    assert "One seed says nothing" in numbers["verdict"]
    shown = AblationRecord.model_validate(document).numbers
    assert shown.rows[0].seeds[1].attacked.n == 4 and shown.verdict == numbers["verdict"]


def test_what_was_attacked_is_not_attacked_again(run: Run, runs: Path, tiny_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "oct.json"
    run(*command(runs, tiny_data, "full-0"), "--output", output)
    document = json.loads(output.read_text())
    (kept,) = document["numbers"]["rows"][0]["seeds"]
    kept["holds"] = [not each for each in kept["holds"]]  # a mark that no attack would leave
    output.write_text(json.dumps(document))
    grown = run(*command(runs, tiny_data, "full-0", "without_daam-0"), "--output", output, "--json").document
    assert grown["numbers"]["rows"][0]["seeds"][0]["holds"] == kept["holds"] and len(grown["numbers"]["rows"]) == 2
    assert_refused(run(*command(runs, tiny_data, "full-0", restarts=2), "--output", output), "attacked on other scans")
    assert json.loads(output.read_text()) == grown


def test_networks_stay_when_their_runs_are_gone(run: Run, runs: Path, tiny_data: Path, tmp_path: Path) -> None:
    output, whole = tmp_path / "oct.json", tmp_path / "whole.json"
    run(*command(runs, tiny_data, "full-0"), "--output", output)
    run(*command(runs, tiny_data, "full-1"), "--output", output)
    grown = run(*command(runs, tiny_data, "without_daam-0"), "--output", output, "--json").document
    run(*command(runs, tiny_data, "full-0", "full-1", "without_daam-0"), "--output", whole)
    assert grown["numbers"] == json.loads(whole.read_text())["numbers"]
    assert grown["model"] == json.loads(whole.read_text())["model"]


def test_other_records_are_not_written_over(run: Run, runs: Path, tiny_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "oct.json"
    run(*command(runs, tiny_data, "full-0"), "--output", output)
    document = json.loads(output.read_text())
    for change, said in (
        ({"numbers": document["numbers"] | {"recipe": document["numbers"]["recipe"] | {"batch": 4}}}, "another recipe"),
        ({"data": document["data"] | {"n": 3}}, "other scans"),
        ({"kind": "pruning"}, "another kind of record"),
    ):
        output.write_text(json.dumps(document | change))
        assert_refused(run(*command(runs, tiny_data, "full-0"), "--output", output), said)
        assert json.loads(output.read_text()) == document | change


def test_what_was_attacked_is_kept_when_the_next_is_interrupted(
    run: Run, runs: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "oct.json"
    attacked = []

    def once(each: Trained, *given: Any, **options: Any) -> MeasuredVariant:
        if attacked:
            raise AttackError("stopped")
        attacked.append(each.run)
        return measure_trained(each, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr("meddef_core.studies.ablation.measure_trained", once)
        run(*command(runs, tiny_data, "full-0", "without_daam-0"), "--output", output)
    (row,) = json.loads(output.read_text())["numbers"]["rows"]
    assert row["variant"] == "full" and row["seeds"][0]["run"] == attacked[0]
    grown = run(*command(runs, tiny_data, "full-0", "without_daam-0"), "--output", output, "--json").document
    assert [each["variant"] for each in grown["numbers"]["rows"]] == ["full", "without_daam"]
    assert grown["numbers"]["rows"][0] == row


def test_what_cannot_be_compared_is_refused(
    run: Run, runs: Path, tiny_data: Path, own_cache: Path, tmp_path: Path
) -> None:
    other = trained(tmp_path / "other", tiny_data, variant="without_daam", batch=4)
    for given, said in (
        (command(runs, tiny_data, "without_daam-0"), "no run is of the variant full"),
        (command(runs, tiny_data, "full-0", "full-0"), "two runs are of the variant full and the seed 0"),
        (command(runs, tiny_data, "full-0", "full-9"), "no chosen weights"),
        ((*command(runs, tiny_data, "full-0"), "--run", other), "batch is 4, not 8"),
        ((*command(runs, tiny_data, "full-0"), "--task", "chest"), "was trained on oct scans, not chest"),
        ((*command(runs, tiny_data, "full-0"), "--eps", "much"), "epsilon"),
        ((*command(runs, tiny_data, "full-0"), "--output", tmp_path / "a.txt"), "must end in .json"),
    ):
        assert_refused(run(*given), said)
    (tmp_path / "bad.json").write_text("{")
    assert_refused(run(*command(runs, tiny_data, "full-0"), "--output", tmp_path / "bad.json"), "cannot be read")


def test_runs_come_in_the_order_of_variants_and_seeds(runs: Path) -> None:
    found = open_trained([runs / name for name in ("without_daam-0", "full-1", "full-0")], task="oct")
    assert [(each.variant, each.seed) for each in found] == [("full", 0), ("full", 1), ("without_daam", 0)]


@pytest.mark.parametrize(("classes", "second"), [(2, "apgd_margin"), (4, "apgd_targeted")])
def test_both_climbs_of_the_worst_case_attack(classes: int, second: str) -> None:
    specs = ablation_attacks(classes, eps=8 / 255, restarts=5)
    assert [spec.name for spec in specs] == ["apgd_ce", second]
    assert {spec.restarts for spec in specs} == {5} and {spec.eps for spec in specs} == {8 / 255}


def test_a_daam_elsewhere_is_a_variant_of_its_own(run: Run, runs: Path, tiny_data: Path) -> None:
    arguments = command(runs, tiny_data, "without_daam-0", "full_stage3-0", "full-0")
    numbers = run(*arguments, "--json").document["numbers"]
    assert [row["variant"] for row in numbers["rows"]] == ["full", "full_stage3", "without_daam"]
    assert numbers["rows"][1]["title"] == "DAAM behind stage 3"
    compared = [(each["first"], each["second"]) for each in numbers["pairs"]]
    assert compared == [("full", "full_stage3"), ("full", "without_daam"), ("full_stage3", "without_daam")]
    alone = run(*command(runs, tiny_data, "without_daam-0", "full_stage3-0"), "--json").document["numbers"]
    assert [(each["first"], each["second"]) for each in alone["pairs"]] == [("full_stage3", "without_daam")]


def test_where_a_daam_would_stand_names_no_network_without_one() -> None:
    assert variant_of({"variant": "full"}) == "full"
    assert variant_of({"variant": "without_afd", "daam_after": 2}) == "without_afd_stage2"
    assert {variant_of({"variant": parts, "daam_after": 3}) for parts in ("without_daam", "resnet18")} == {
        "without_daam",
        "resnet18",
    }


def test_the_verdict_says_what_the_test_says() -> None:
    titles = {"full": "MedDef", "without_afd": "without AFD", "without_daam": "without DAAM"}
    assert verdict([], titles) == "" and verdict([pair(seeds=[])], titles) == ""
    assert verdict([pair()], titles) == NO_DIFFERENCE
    first = pair(only_first=20, only_second=2, p=mcnemar(20, 2))
    better = verdict([first, pair(second="without_daam")], titles)
    assert better == "MedDef is robust on more scans than these: without AFD."
    worse = verdict([pair(only_first=2, only_second=20, p=mcnemar(2, 20), seeds=[0])], titles)
    assert worse.startswith("MedDef is robust on fewer scans than these: without AFD. One seed")
    both = verdict([first, pair(second="without_daam", only_first=2, only_second=20, p=mcnemar(2, 20))], titles)
    assert "more scans than these: without AFD. MedDef is robust on fewer" in both
    said = verdict([first], titles, say=lambda sentence, **values: f"{VERDICTS.index(sentence)}{values['others']}")
    assert said == "0without AFD"


def test_of_a_pair_with_one_seed_the_network_that_has_no_more_is_named() -> None:
    titles = {"full": "MedDef", "full_stage2": "DAAM behind stage 2", "without_daam": "without DAAM"}
    moved = pair(second="full_stage2", seeds=[0])
    pairs = [moved, pair(second="without_daam"), pair(first="full_stage2", second="without_daam", seeds=[0])]
    assert verdict(pairs, titles).endswith("this round (DAAM behind stage 2).")
    assert verdict([moved], titles).endswith("this round (DAAM behind stage 2).")

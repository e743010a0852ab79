"""The worst case of each scan: what counts as broken, what is carried on, what an interruption leaves."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from attack_nets import Recorder, small_net
from full_disk import full_disk
from refusals import refused_as
from worst_cases import CLASSES, EPS, set_of, some_images

from meddef_core.attacks import AttackSpec, default_spec, run_attack
from meddef_core.errors import AttackError, DataError
from meddef_core.evaluation.card_numbers import measure
from meddef_core.evaluation.chunk import break_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.evaluation.resume import PartFile, read_parts
from meddef_core.evaluation.selection import few_of, some_of_each_class, take
from meddef_core.evaluation.trials import CLEAN, Trial
from meddef_core.evaluation.worst_case import (
    FEW,
    SQUARE_QUERIES_ON_FEW,
    plan_each_alone,
    plan_worst_case,
    run_plan,
    run_worst_case,
    worst_case_attacks,
)
from meddef_core.evaluation.worst_case_report import summarise_each_alone, summarise_worst_case

LADDER = (2 / 255, 6 / 255, 16 / 255)

# The set


@pytest.mark.parametrize(("classes", "margin"), [(2, "apgd_margin"), (3, "apgd_targeted"), (8, "apgd_targeted")])
def test_the_set_suits_the_number_of_classes(classes: int, margin: str) -> None:
    trials = worst_case_attacks(classes, eps=4 / 255)
    assert [trial.spec.name for trial in trials] == ["apgd_ce", margin, "fab", "square", "square"]
    assert [trial.scans for trial in trials] == ["all"] * 3 + ["rest", "few"]
    assert trials[-1].spec.steps == SQUARE_QUERIES_ON_FEW == 5000 and trials[-2].spec.steps == 1000
    assert all(trial.spec.eps == 4 / 255 and trial.spec.stop_when_fooled for trial in trials)


def test_no_two_attacks_of_a_set_share_their_random_starts() -> None:
    """Cross-entropy and margin climb alike on two classes: from the same start, one of them would be wasted."""
    seeds = [trial.spec.seed for seed in (0, 1, 2) for trial in worst_case_attacks(2, eps=EPS, seed=seed)]
    assert len(set(seeds)) == len(seeds)


# What counts as broken


def test_an_image_stands_if_no_attack_breaks_it_alone() -> None:
    net, images = some_images()
    trials = set_of("noise", "fgsm", "pgd", eps=(2 / 255,))
    found = run_worst_case(net, images, attacks=trials)
    for position, image in enumerate(found.images):
        x, y = images.batch(slice(position, position + 1))
        breaks = [bool(run_attack(net, x, y, trial.spec).success) for trial in trials]
        assert (image.broken_by is None) == (not any(breaks))
    assert {CLEAN, None} < {image.broken_by for image in found.images}


def test_a_misread_scan_is_broken_by_none_of_the_attacks() -> None:
    net, images = some_images(6, misread=6)
    recorder = Recorder(net)
    found = run_worst_case(recorder, images, attacks=set_of("pgd"))
    assert len(recorder.seen) == 1
    for image in found.images:
        at = image.at[0]
        assert (at.broken_by, at.attack, at.step, at.distance) == (CLEAN, None, 0, 0.0)
        assert at.prediction == image.clean_prediction != image.label


def test_every_witness_lies_in_its_ball_and_is_misread() -> None:
    net, images = some_images()
    for image in run_worst_case(net, images, attacks=set_of("fgsm", "pgd", eps=LADDER)).images:
        for at in image.at:
            if at.broken_by not in (CLEAN, None):
                assert at.found_at is not None and at.distance is not None and at.step is not None
                assert 0 < at.distance <= at.found_at + 1e-6 <= at.eps + 1e-6
                assert at.step >= 1 and at.prediction != image.label


def test_a_scan_broken_at_a_budget_is_broken_at_every_larger_one() -> None:
    net, images = some_images()
    found = run_worst_case(net, images, attacks=set_of("pgd", eps=LADDER[::-1]))
    carried = 0
    for image in found.images:
        assert [at.eps for at in image.at] == list(LADDER)
        for smaller, larger in itertools.pairwise(image.at):
            if smaller.broken_by is not None:
                assert larger == replace(smaller, eps=larger.eps)
                carried += smaller.broken_by != CLEAN
    assert carried > 0


def test_what_only_the_crafting_copy_misreads_is_attacked_again() -> None:
    """Where the copy images are made on already misreads a scan, it would hand the clean one back as a success."""
    net, images = some_images(8, misread=0)
    x, y = images.batch(slice(None))
    spec = default_spec("pgd", eps=16 / 255, stop_when_fooled=True)
    other = small_net()
    with torch.no_grad():
        other[-1].bias += torch.tensor([100.0, 0, 0, 0])
    found = break_images(net, other, x, y, spec, number=0)
    honest = run_attack(net, x, y, spec)
    read_otherwise = (y != 0).nonzero().flatten().tolist()
    assert {place for place in read_otherwise if place in found} == {
        place for place in read_otherwise if bool(honest.success[place])
    }


def test_attacks_for_few_and_for_the_rest_leave_the_others_alone() -> None:
    net, images = some_images(misread=0)
    fgsm, pgd = set_of("fgsm", "pgd", eps=(64 / 255,))
    attacks = [replace(fgsm, scans="rest"), replace(pgd, scans="few")]
    plan = replace(plan_worst_case(images, attacks=attacks), few=frozenset({1, 4}))
    found = run_plan(net, images, plan)
    assert {image.position for image in found.images if image.tried == (1,)} == {1, 4}
    assert {image.position for image in found.images if image.broken_by == "pgd"} == {1, 4}
    rows = summarise_worst_case(found, classes=CLASSES)["attacked"][0]["attacks"]
    assert [row["tried"] for row in rows] == [18, 2]


def test_the_largest_budget_first_finds_what_each_budget_by_itself_does() -> None:
    """Square at a smaller epsilon is run on just those scans that it, or another, breaks at the next larger one."""
    net, images = some_images(misread=2)
    square = [replace(trial, largest_first=True) for trial in set_of("square", eps=LADDER)]
    found = run_worst_case(net, images, attacks=[*set_of("fgsm", eps=LADDER), *square])
    plain = [run_worst_case(net, images, attacks=set_of("fgsm", "square", eps=(eps,))) for eps in LADDER]
    numbers = {(trial.spec.name, trial.spec.eps): each for each, trial in enumerate(found.plan.attacks)}
    spared = 0
    for position, image in enumerate(found.images):
        for level, eps in enumerate(LADDER):
            stands = image.at[level].broken_by is None
            assert stands == all(each.images[position].broken_by is None for each in plain[: level + 1])
            larger = image.at[level + 1].broken_by is None if level + 1 < len(LADDER) else False
            if stands:
                assert (numbers["square", eps] in image.tried) == (not larger)
                spared += larger
    assert spared > 0


def test_attacks_alone_are_those_of_a_card() -> None:
    """Each attack on every scan, whatever the others did, in its own norm; a scan misread as it is stays misread."""
    net, images = some_images()
    specs = [trial.spec for trial in (*set_of("fgsm", "pgd", eps=LADDER[::-1]), *set_of("pgd_l2", eps=(1.0,)))]
    found = run_plan(net, images, plan_each_alone(images, attacks=[Trial(spec=spec) for spec in specs], chunk=6))
    rows = summarise_each_alone(found, classes=CLASSES)
    for row, expected in zip(rows, measure(net, images, classes=CLASSES, attacks=specs)["attacked"], strict=True):
        for key in ("spec", "eps", "accuracy", "balanced_accuracy", "recall", "attack_success_rate"):
            assert row[key] == expected[key]
        assert 0 < row["largest_distance"] <= row["spec"]["eps"] + 1e-5
    assert {image.tried for image in found.images} == {(), tuple(range(len(specs)))}


def test_a_slow_attack_alone_takes_a_few_scans_of_each_class() -> None:
    net, images = some_images()
    fgsm, pgd = set_of("fgsm", "pgd")
    plan = plan_each_alone(images, attacks=[fgsm, replace(pgd, scans="few")], few=8)
    rows = summarise_each_alone(run_plan(net, images, plan), classes=CLASSES)
    some = take(images, some_of_each_class(images, 8))
    assert [row["n"] for row in rows] == [20, 8]
    expected = measure(net, some, classes=CLASSES, attacks=[pgd.spec])["attacked"][0]
    assert all(rows[1][key] == expected[key] for key in ("accuracy", "recall", "attack_success_rate"))


@pytest.mark.parametrize(
    ("trials", "part"),
    [
        ([], "at least one attack"),
        (set_of("pgd") + set_of("pgd_l2", eps=(1.0,)), "one norm"),
        ([Trial(spec=AttackSpec(name="pgd", eps=EPS, target=1))], "untargeted"),
        (set_of("universal"), "does not attack each scan by itself"),
        ([Trial(spec=AttackSpec(name="magic", eps=EPS))], "no attack 'magic'"),
    ],
)
def test_a_set_that_makes_no_worst_case_is_refused(trials: list[Trial], part: str) -> None:
    net, images = some_images(4)
    with pytest.raises(AttackError, match=part):
        run_worst_case(net, images, attacks=trials)


# What it comes to


def test_the_summary_counts_every_scan_once() -> None:
    net, images = some_images()
    found = run_worst_case(net, images, attacks=set_of("noise", "fgsm", "pgd", eps=LADDER))
    numbers = summarise_worst_case(found, classes=CLASSES)
    assert numbers["clean"]["accuracy"] == pytest.approx(17 / 20)
    for row in numbers["attacked"]:
        broken = sum(attack["broken"] for attack in row["attacks"])
        assert row["unbroken"] + row["misread_clean"] + row["broken_at_smaller_budget"] + broken == 20
        assert row["accuracy"] == pytest.approx(row["unbroken"] / 20)
        assert row["attack_success_rate"] == pytest.approx(1 - row["unbroken"] / 17)
        left = 17 - row["broken_at_smaller_budget"]
        for attack in row["attacks"]:
            assert attack["tried"] == left
            left -= attack["broken"]
    accuracies = [row["accuracy"] for row in numbers["attacked"]]
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[0] > accuracies[-1]
    worst = [image.label if image.at[0].prediction is None else image.at[0].prediction for image in found.images]
    assert numbers["attacked"][0]["balanced_accuracy"] == balanced_accuracy(images.labels.numpy(), worst, classes=4)


# Which scans


def test_a_choice_follows_the_pixels_not_the_place() -> None:
    _, images = some_images()
    order = np.random.default_rng(0).permutation(20).tolist()
    _, shuffled = some_images(order=order)
    names = [{images.items[i].path for i in few_of(images, 5, salt=salt)} for salt in ("few", "limit")]
    assert {shuffled.items[i].path for i in few_of(shuffled, 5, salt="few")} == names[0] != names[1]
    chosen = {images.items[i].path for i in some_of_each_class(images, 8)}
    assert {shuffled.items[i].path for i in some_of_each_class(shuffled, 8)} == chosen and len(chosen) == 8
    assert len(few_of(images, FEW, salt="few")) == 20


def test_a_limit_takes_of_each_class_alike_and_grows_by_adding() -> None:
    _, images = some_images()
    for limit in range(4, 20):
        positions = some_of_each_class(images, limit)
        counts = take(images, positions).labels.bincount(minlength=4)
        held = images.labels.bincount()
        assert len(positions) == limit and set(positions) <= set(some_of_each_class(images, limit + 1))
        assert all(counts[k] == held[k] or counts[k] >= counts.max() - 1 for k in range(4))
    with refused_as(DataError, "evaluation.too-few-images"):
        some_of_each_class(images, 3)


# Going on after an interruption

HEADER = {"weights_sha256": "w", "attacks": [1, 2]}


def test_an_interrupted_evaluation_goes_on(tmp_path: Path) -> None:
    net, images = some_images()
    plan = plan_worst_case(images, attacks=set_of("fgsm", "pgd", eps=LADDER), chunk=6)
    whole = run_plan(net, images, plan)

    def stop(done: int, total: int, note: str) -> None:
        assert total == 20
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plan(net, images, plan, log=PartFile(tmp_path, header=HEADER), on_progress=stop)
    path = tmp_path / "part-0.jsonl"
    assert path.read_bytes().count(b"\n") == 3
    # Killed in the middle of a line: what is left of it does not count.
    path.write_bytes(path.read_bytes()[:-40])
    asked = Recorder(net)
    steps: list[int] = []
    log = PartFile(tmp_path, header=HEADER)
    assert set(log.done) == {0}
    again = run_plan(asked, images, plan, log=log, on_progress=lambda done, total, note: steps.append(done))
    assert again == whole and steps == sorted(steps) and (steps[0], steps[-1]) == (6, 20)
    asked = Recorder(net)
    assert run_plan(asked, images, plan, log=PartFile(tmp_path, header=HEADER)) == whole and asked.seen == []


def test_a_full_disk_keeps_the_chunks_done_before(tmp_path: Path) -> None:
    net, images = some_images()
    plan = plan_worst_case(images, attacks=set_of("fgsm", eps=LADDER), chunk=6)
    log = PartFile(tmp_path, header=HEADER)
    whole = run_plan(net, images, plan, log=log)
    path = tmp_path / "part-0.jsonl"
    with path.open("ab") as file:
        file.write(b"{" * 20_000)  # a line that never ended
    with full_disk(), pytest.raises(DataError, match=r"cannot be written .* the parts done before are kept"):
        log.append(4, whole.images)
    again = PartFile(tmp_path, header=HEADER)
    assert sorted(again.done) == [0, 1, 2, 3] and run_plan(Recorder(net), images, plan, log=again) == whole


def test_processes_share_the_chunks_and_find_the_same(tmp_path: Path) -> None:
    net, images = some_images()
    plan = plan_worst_case(images, attacks=set_of("pgd", eps=LADDER), chunk=3)
    for number in range(3):
        log = PartFile(tmp_path, header=HEADER, number=number)
        share = run_plan(net, images, plan, log=log, share=(number, 3))
        assert [image.position // 3 % 3 for image in share.images] == [number] * len(share.images)
    done = read_parts(tmp_path, header=HEADER)
    merged = tuple(itertools.chain.from_iterable(done[number] for number in sorted(done)))
    assert merged == run_plan(net, images, plan).images


def test_chunks_of_another_evaluation_are_refused(tmp_path: Path) -> None:
    PartFile(tmp_path, header=HEADER)
    with pytest.raises(DataError, match=r"different: weights_sha256\); choose another folder with --run-dir\.$"):
        PartFile(tmp_path, header={**HEADER, "weights_sha256": "other"})


def test_a_file_without_a_whole_first_line_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "part-0.jsonl").write_bytes(b'{"weights_sh')
    assert PartFile(tmp_path, header=HEADER).done == {}
    assert PartFile(tmp_path, header=HEADER).done == {}


@pytest.mark.parametrize("line", [b"not json\n", b'{"chunk": 0}\n', b'{"chunk": 0, "images": [{"eps": 1}]}\n'])
def test_a_damaged_line_gets_one_sentence(line: bytes, tmp_path: Path) -> None:
    PartFile(tmp_path, header=HEADER)
    with (tmp_path / "part-0.jsonl").open("ab") as file:
        file.write(line)
    with refused_as(DataError, "evaluation.results-damaged"):
        PartFile(tmp_path, header=HEADER)

"""A hospital's own scans: no patient is divided, and what is fitted on them never mixes with what ships."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import Run, assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import TEMPERATURE, save_fit
from PIL import Image
from refusals import refused_as
from tiny_models import save_tiny_model

from meddef_core.errors import DataError, ModelError, RecordError
from meddef_core.model import MedDef
from meddef_core.prediction import fitted_for
from meddef_core.prediction.operating import Proportion
from meddef_core.prediction.output_limits import OutputLimits
from meddef_core.prediction.prediction import predict
from meddef_core.prediction.risk_control import controlled_threshold
from meddef_core.records import PredictionRecord, SiteRecord, build, read_as
from meddef_core.records.site import LabelsHold
from meddef_core.replay.replaying import open_recorded
from meddef_core.scans import read_scan
from meddef_core.site import finetune, folder
from meddef_core.site.adjust import Local, alphas_of, controlled, limits_of, offsets_of
from meddef_core.site.compare import Estimate, figure, share_figure
from meddef_core.site.folder import SiteSource, halves, losses, site_source
from meddef_core.site.run import SitePlan, site_report
from meddef_core.site.verdict import failures, verdict
from meddef_core.studies.external import attack_of
from meddef_core.tasks import get_task
from meddef_core.zoo import SiteProfile, load_model, read_profile, save_profile

OCT = get_task("oct")
KEY = "oct/meddef"


def draw(path: Path, *, seed: int, bright: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).random((48, 64)) * 120 + 100 * bright
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """52 drawn scans of two classes, and a damaged file."""
    root = tmp_path_factory.mktemp("hospital")
    for label, bright in (("NORMAL", 0.0), ("dme", 1.0)):
        for number in range(26):
            draw(root / label / f"{label}_{number}.png", seed=number, bright=bright)
    (root / "dme" / "broken_99.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 40)
    return root


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model of its own for each test, fitted so that every scan is usual."""
    root = tmp_path / "models"
    save_tiny_model(root, KEY)
    save_fit(root, KEY, level="usual")
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(root))
    monkeypatch.setenv("MEDDEF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDDEF_SITE", raising=False)
    return root


def profile_of(**changes: object) -> SiteProfile:
    """A profile for the model of `models`."""
    card = load_model(KEY, at_site=False).card
    values = {
        "model": KEY,
        "weights_sha256": card.weights.sha256,
        "created": "2026-01-01T00:00:00+00:00",
        "title": "Our clinic",
        "temperature": 3.5,
        "offsets": (0.0, 0.25, -0.5, 1.5),
        "outputs": {"weight": 1.0, "middle": 0.0, "spread": 1.0, "limits": (None, None, None, -1e6)},
    }
    return SiteProfile.model_validate(values | changes)


# ---- the folder --------------------------------------------------------------------------------------------------


def test_classes_and_groups_of_a_folder(tmp_path: Path) -> None:
    for number in range(25):
        draw(tmp_path / "NORMAL" / f"{number}.png", seed=number, bright=0)
        draw(tmp_path / "DME" / f"patient {number // 5}" / f"{number}.png", seed=number, bright=0)
        draw(tmp_path / f"eye {number % 2}" / "drusen" / f"{number:08d}_1.png", seed=number, bright=0)
    source = site_source(OCT, tmp_path, holds="slice")
    by_class = {
        name: {group for entry, group in zip(source.entries, source.groups, strict=True) if entry.truth == name}
        for name in ("NORMAL", "DME", "DRUSEN")
    }
    assert len(source.entries) == 75
    assert by_class["NORMAL"] == {"NORMAL 0", "NORMAL 1", "NORMAL 2"}  # blocks of ten by number
    assert by_class["DME"] == {f"patient {number}" for number in range(5)}
    assert by_class["DRUSEN"] == {"eye 0", "eye 1"}
    assert source.entries[-16].name.endswith("/9.png")  # 9 before 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=80), st.integers(0, 5))
def test_no_group_is_divided_and_every_class_is_on_both_sides(pairs: list[tuple[int, int]], seed: int) -> None:
    labels = np.array([label for label, _ in pairs])
    groups = np.array([f"{label} {group}" for label, group in pairs])
    alone = [label for label in np.unique(labels) if len(np.unique(groups[labels == label])) < 2]
    if alone:
        with refused_as(DataError, "site.one-group-class"):
            halves(labels, groups, seed=seed)
        return
    fitted = halves(labels, groups, seed=seed)
    for group in np.unique(groups):
        assert len(np.unique(fitted[groups == group])) == 1
    for label in np.unique(labels):
        assert 0 < fitted[labels == label].sum() < (labels == label).sum()
    np.testing.assert_array_equal(fitted, halves(labels, groups, seed=seed))


@pytest.mark.parametrize(("holds", "wrong"), [("slice", True), ("volume", False)])
def test_a_missed_finding_is_an_error_where_labels_hold_for_slices(holds: LabelsHold, wrong: bool) -> None:
    source = SiteSource("site", "x", "", (), (), holds=holds)
    assert source.is_wrong("DME", "NORMAL") is wrong
    assert source.is_wrong("NORMAL", "DME") and source.is_wrong("DME", "CNV")
    assert not source.is_wrong("DME", "DME")
    table = losses(OCT.classes, holds)
    assert table[1, 3] == (1.0 if wrong else folder.MISSED_LOSS) and table[3, 1] == table[1, 0] == 1.0


def test_folders_that_cannot_be_reported_on(
    models: Path, hospital: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    few = tmp_path / "few"
    draw(few / "NORMAL" / "1.png", seed=0, bright=0)
    assert_refused(run("site", few, "--task", "oct"), "holds 1 scans")
    assert_refused(run("site", few / "none", "--task", "oct"), "is no folder")
    assert_refused(run("site", hospital, "--task", "oct", "--adjust"), "--profile")
    assert_refused(run("site", hospital, "--task", "oct", "--profile", tmp_path / "p"), "--adjust or --finetune")
    assert_refused(run("site", hospital, "--task", "oct", "--thumbnails"), "--pdf")
    assert_refused(run("site", hospital, "--task", "oct", "--output", tmp_path / "x.txt"), ".json")
    monkeypatch.setattr(folder, "MOST", 40)
    assert_refused(run("site", hospital, "--task", "oct"), "at most 40")
    monkeypatch.setattr(folder, "FEWEST", 1)
    assert_refused(run("site", few, "--task", "oct"), "of one class")


# ---- comparisons and the rule ------------------------------------------------------------------------------------


def test_a_difference_of_shares_is_newcombe_s() -> None:
    """Newcombe 1998, table II, example (a), method 10."""
    found = share_figure(Proportion(56, 70), Proportion(48, 80)).difference
    assert found is not None and found.value == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.significant and found.p == pytest.approx(0.0123, abs=2e-3)
    same = share_figure(Proportion(9, 10), Proportion(90, 100)).difference
    assert same is not None and not same.significant and same.p == 1


def test_two_intervals_that_are_far_apart_are_a_significant_difference() -> None:
    apart = figure(Estimate(0.5, (0.4, 0.6), 50), Estimate(0.9, (0.8, 0.95), 90)).difference
    near = figure(Estimate(0.85, (0.7, 0.95), 50), Estimate(0.9, (0.8, 0.95), 90)).difference
    assert apart is not None and apart.significant and near is not None and not near.significant
    assert apart.interval == pytest.approx((-0.4 - np.hypot(0.1, 0.05), -0.4 + np.hypot(0.1, 0.1)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60), st.sampled_from([0.02, 0.1, 0.3])
)
def test_losses_of_zero_and_one_are_the_errors_of_risk_control(pairs: list[tuple[int, bool]], alpha: float) -> None:
    scores, wrong = np.array([float(score) for score, _ in pairs]), np.array([bad for _, bad in pairs])
    assert controlled(scores, wrong.astype(float), alpha=alpha) == controlled_threshold(scores, wrong, alpha=alpha)
    # Half the loss allows as much as twice the risk does, and never less.
    assert controlled(scores, 0.5 * wrong, alpha=alpha) >= controlled(scores, wrong.astype(float), alpha=alpha)


def made_up(logits: list[list[float]], labels: list[int], *, holds: LabelsHold = "slice") -> Local:
    n = len(labels)
    groups = np.array([f"{number // 2}" for number in range(n)])
    return Local(OCT, holds, np.array(logits), np.array(labels), groups, np.zeros(n), np.zeros(n, bool))


def test_a_limit_leaves_out_the_first_error_too_many() -> None:
    """Twenty NORMAL scans called DME at strengths 1 to 20: one in a hundred allows none, so nothing is shown as DME."""
    found = made_up([[0, strength, 0, 0] for strength in range(1, 21)], [3] * 20)
    scale = OutputLimits(1.0, 0.0, 1.0, np.full(4, np.inf))
    alphas = alphas_of(OCT, "slice", n=20)
    assert set(alphas.values()) == {1 / 21}  # the least that twenty scans can control
    limits = limits_of(found, scale, alphas)
    assert limits[1] < scale.scores(found.distances, found.logits).min() and np.isinf(limits[[0, 2, 3]]).all()
    assert alphas_of(OCT, "volume", n=10_000)[("DRUSEN",)] == 0.005


def test_offsets_move_only_where_that_helps() -> None:
    rng = np.random.default_rng(0)
    labels = [1, 3] * 40
    shifted = [[-9, 2 * (label == 1) + 3 + rng.normal() * 0.1, -9, 2 * (label == 3)] for label in labels]
    found = offsets_of(made_up(shifted, labels))
    moved = np.array(shifted) + found
    assert (moved.argmax(axis=1) == labels).all() and found.any()
    right = [[-9, 2 * (label == 1), -9, 2 * (label == 3)] for label in labels]
    assert not offsets_of(made_up(right, labels)).any()
    noise = rng.normal(size=(80, 4)).tolist()
    by_volume = offsets_of(made_up(noise, labels, holds="volume"))
    assert not by_volume[:3].any()  # of labels that hold for volumes, NORMAL alone is trusted


def test_of_offsets_within_one_standard_error_the_smallest_is_taken() -> None:
    """To 0.25 nearly all is gained, the last of 80 scans only at 1.95: less than one standard error."""
    near, far = [0.0, 0.0, 0.0, -0.2], [0.0, 0.0, 0.0, -1.9]
    healthy = [near] * 39 + [far]
    ill = [[0.0, 5.0, 0.0, 0.0]] * 36 + [[0.0, 0.0, 0.0, 9.0]] * 4
    found = offsets_of(made_up(healthy + ill, [3] * 40 + [1] * 40))
    assert found[3] - max(found[:3]) == pytest.approx(0.25)


# ---- the report --------------------------------------------------------------------------------------------------


def report_of(hospital: Path, plan: SitePlan, *, at: Path | None = None, on: Callable[..., None] | None = None):  # type: ignore[no-untyped-def]
    source = site_source(OCT, hospital, holds="slice", title="Our clinic")
    return site_report(load_model(KEY, at_site=False), source, plan, folder=at, on_progress=on)


def test_the_report_counts_what_the_model_shows(models: Path, hospital: Path) -> None:
    spec = replace(attack_of(OCT), steps=2)
    made = report_of(hospital, SitePlan(spec=spec))
    numbers, row = made.numbers, made.numbers.rows[0]
    assert (numbers.n, numbers.unreadable) == (52, 1) and [name for name, _ in made.problems] == ["dme/broken_99.png"]
    model = load_model(KEY)
    found = []
    for entry in site_source(OCT, hospital, holds="slice").entries:
        if "broken" not in entry.name:
            found.append((entry.truth, predict(model, read_scan(entry.load()))))
    right = sum(truth == each.label for truth, each in found)
    shown = [(truth, each) for truth, each in found if each.abstained is None]
    assert row.accuracy.here == pytest.approx(right / 52)
    assert row.accepted.here == pytest.approx(len(shown) / 52)
    assert row.wrong_and_accepted.here == pytest.approx(sum(truth != each.label for truth, each in shown) / 52)
    assert row.confidence == pytest.approx(np.mean([each.probability for _, each in found]), abs=1e-6)
    assert row.certain_and_accepted.hits + row.missed_and_accepted.hits == row.wrong_and_accepted.here * 52
    assert row.robust is not None and row.robust.here <= row.accuracy.here
    assert numbers.verdict == verdict(numbers.rows)
    assert (numbers.verdict.word == "fit") == (not failures(row))
    assert all(1 <= scan.row <= 53 for scan in numbers.worst)


def test_an_interrupted_report_resumes_with_the_same_numbers(models: Path, hospital: Path, tmp_path: Path) -> None:
    plan = SitePlan(adjust=True, spec=replace(attack_of(OCT), steps=1))
    whole = report_of(hospital, plan, at=tmp_path / "whole")
    seen: list[tuple[str, int]] = []

    def stop(what: str, done: int, total: int) -> None:
        seen.append((what, done))
        if what == "adjusted":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report_of(hospital, plan, at=tmp_path / "part", on=stop)
    kept = sorted((tmp_path / "part").glob("*.safetensors"))
    kept[-1].write_bytes(kept[-1].read_bytes()[:100])  # what a killed machine may leave
    dates = {path: path.stat().st_mtime_ns for path in kept[:-1]}
    again = report_of(hospital, plan, at=tmp_path / "part")
    assert again.numbers == whole.numbers and again.profile is not None and whole.profile is not None
    assert again.profile.digest == whole.profile.digest
    assert all(path.stat().st_mtime_ns == date for path, date in dates.items())  # nothing was done twice
    with pytest.raises(DataError, match="another run"):
        report_of(hospital, replace(plan, seed=1), at=tmp_path / "part")


def test_the_adjusted_half_is_judged_by_the_profile_that_is_written(
    models: Path, hospital: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    out, place = tmp_path / "report.json", tmp_path / "profile"
    result = run(
        "site", hospital, "--task", "oct", "--adjust", "--no-attack", "--profile", place, "--title", "Our clinic",
        "--output", out, "--pdf", tmp_path / "report.pdf", "--thumbnails", "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    record = read_as(SiteRecord, out.read_bytes())
    assert json.loads(result.out) == record.document()
    assert "broken_99" in result.err and "broken_99" not in out.read_text() and str(hospital) not in out.read_text()
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    split, rows = record.numbers.split, record.numbers.rows
    assert split is not None and split.fitted_on + split.reported_on == 52
    assert [row.state for row in rows] == ["shipped", "adjusted"] and rows[0].n == rows[1].n == split.reported_on
    monkeypatch.setenv("MEDDEF_SITE", str(place))
    adjusted = load_model(KEY)
    assert adjusted.site is not None and adjusted.site.title == "Our clinic"
    assert adjusted.site.numbers["verdict"]["word"] == record.numbers.verdict.word


def test_further_training_resumes_and_is_loaded(
    models: Path, hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "EPOCHS", 2)
    plan = SitePlan(finetune=True)
    whole = report_of(hospital, plan, at=tmp_path / "whole")

    def stop(what: str, done: int, total: int) -> None:
        if what == "training epochs" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report_of(hospital, plan, at=tmp_path / "part", on=stop)
    again = report_of(hospital, plan, at=tmp_path / "part")
    assert again.numbers == whole.numbers and whole.state is not None and again.state is not None
    assert all(torch.equal(value, again.state[key]) for key, value in whole.state.items())
    assert whole.profile is not None and whole.numbers.rows[-1].state == "finetuned"
    saved = save_profile(tmp_path / "profile", whole.profile, state=whole.state)
    monkeypatch.setenv("MEDDEF_SITE", str(tmp_path / "profile"))
    tuned, shipped = load_model(KEY), load_model(KEY, at_site=False)
    assert saved.weights is not None and tuned.site == saved
    own = shipped.network.state_dict()
    differs = [key for key, value in tuned.network.state_dict().items() if not torch.equal(value, own[key])]
    assert any("stem" in key for key in differs) and not any("running" in key for key in differs)
    (tmp_path / "profile" / saved.weights.file).write_bytes(b"other")
    with pytest.raises(ModelError, match="do not match its hash"):
        load_model(KEY)


def test_the_share_of_new_weights() -> None:
    shipped = {"w": torch.zeros(3), "count": torch.tensor(4)}
    mixed = finetune.interpolated(shipped, {"w": torch.full((3,), 2.0), "count": torch.tensor(9)}, share=0.25)
    assert torch.equal(mixed["w"], torch.full((3,), 0.5)) and mixed["count"] == 4


# ---- MEDDEF_SITE -------------------------------------------------------------------------------------------------


def test_a_profile_changes_its_model_and_nothing_else(
    models: Path, hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(models, "oct/undefended", variant="resnet18", seed=1)
    scan = read_scan(next((hospital / "NORMAL").glob("*.png")).read_bytes())
    before = predict(load_model(KEY), scan)
    place = tmp_path / "profile"
    save_profile(place, profile_of())
    monkeypatch.setenv("MEDDEF_SITE", str(place))
    model = load_model(KEY)
    after = predict(model, scan)
    np.testing.assert_allclose(after.logits, np.add(before.logits, [0.0, 0.25, -0.5, 1.5]), atol=1e-5)
    assert (before.temperature, after.temperature) == (TEMPERATURE, 3.5)
    assert load_model("oct/undefended").site is None and load_model(KEY, at_site=False).site is None
    # What was fitted for the shipped weights stays as it was, whatever was asked before.
    own, adjusted = fitted_for(load_model(KEY, at_site=False)), fitted_for(model)
    assert own is not None and adjusted is not None
    assert own.card.temperature == TEMPERATURE and own.detector.outputs is None
    assert adjusted.detector.outputs is not None and adjusted.detector.outputs.limits[3] == -1e6
    monkeypatch.delenv("MEDDEF_SITE")
    assert predict(load_model(KEY), scan) == before


def test_every_record_names_the_hospital_and_is_replayed_with_its_profile_alone(
    models: Path, hospital: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    save_profile(tmp_path / "profile", profile_of())
    monkeypatch.setenv("MEDDEF_SITE", str(tmp_path / "profile"))
    scan = next((hospital / "NORMAL").glob("*.png"))
    result = run("predict", scan, "--task", "oct", "--json")
    assert result.code == 0, result.err
    assert "adjusted for Our clinic" in result.err
    record = read_as(PredictionRecord, result.out.encode())
    assert record.model.site is not None and record.model.site.title == "Our clinic"
    assert record.model.shipped_sha256 is None  # never taken for a number of the weights that ship
    assert "adjusted for Our clinic" in run("predict", scan, "--task", "oct").out
    assert "adjusted for Our clinic" in run("models").out
    assert "Our clinic" in run("doctor").out
    assert open_recorded(record.model).site == profile_of()
    save_profile(tmp_path / "profile", profile_of(temperature=2.5))
    with pytest.raises(RecordError, match="MEDDEF_SITE"):
        open_recorded(record.model)


def test_a_record_of_the_shipped_weights_is_replayed_with_them(
    models: Path, hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = build(SiteRecord, model=load_model(KEY), numbers=report_of(hospital, SitePlan()).numbers)
    assert "site" not in plain.document()["model"]
    save_profile(tmp_path / "profile", profile_of())
    monkeypatch.setenv("MEDDEF_SITE", str(tmp_path / "profile"))
    assert open_recorded(plain.model).site is None


@pytest.mark.parametrize("changes", [{"weights_sha256": "0" * 64}, {"offsets": (0.0, 1.0)}])
def test_a_profile_for_other_weights_is_refused(
    models: Path, hospital: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    save_profile(tmp_path / "profile", profile_of(**changes))
    monkeypatch.setenv("MEDDEF_SITE", str(tmp_path / "profile"))
    scan = next((hospital / "NORMAL").glob("*.png"))
    assert_refused(run("predict", scan, "--task", "oct"), "site profile 'Our clinic'")
    assert load_model(KEY, at_site=False).site is None


def test_a_profile_that_is_not_there_or_damaged_is_one_sentence(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_SITE", str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="There is no site profile"):
        load_model(KEY)
    save_profile(tmp_path / "nowhere", profile_of())
    path = tmp_path / "nowhere" / "profile.json"
    path.write_text(path.read_text().replace('"temperature": 3.5', '"temperature": -1'))
    with pytest.raises(ModelError, match="malformed at 'temperature'"):
        read_profile(tmp_path / "nowhere")


def test_a_new_profile_takes_the_place_of_the_old_one_whole(models: Path, tmp_path: Path) -> None:
    network = load_model(KEY).network
    assert isinstance(network, MedDef)
    first = save_profile(tmp_path, profile_of(), state=dict(network.state_dict()))
    assert first.weights is not None and (tmp_path / first.weights.file).is_file()
    save_profile(tmp_path, profile_of(title="Elsewhere"))
    assert [path.name for path in tmp_path.glob("*.*")] == ["profile.json"] and read_profile(tmp_path).weights is None

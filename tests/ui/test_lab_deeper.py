"""The attack lab beyond one attack: following a slider, iterates, growing budgets, transfer, and audits."""

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest
import robustness_records as made
from app_driving import attack, attacked_outputs, lab_section, open_lab, press, speak_chinese, text_of
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import catalogue
from dashboard.components import budgets
from dashboard.components import trust as lab_trust
from dashboard.services import limits, sweeps
from dashboard.services import shared as services
from dashboard.services.iterates import Album
from dashboard.services.results.common import AttackChoice, AttackOutcome, LabResult, ModelChoice, Reading
from dashboard.services.trust import DAMAGED, OTHER_WEIGHTS, UNAUDITED, WRAPPED, trust
from dashboard.views.attack_lab import attack_form
from dashboard.views.attack_lab import player as lab_player
from dashboard.views.attack_lab import sections as lab_sections
from meddef_core.attacks import ATTACKS
from meddef_core.auditing.finding import MEANINGS
from meddef_core.errors import AttackError


def quiet(what: str, step: int, total: int) -> None:
    """Hears progress and says nothing."""


def clean_readings() -> list[Reading]:
    """The first sample as each model of the task reads it."""
    picture = services.thumbnail("oct", services.samples("oct")[0].key)
    return [services.reading_of(model, picture) for model in services.comparable("oct")[:2]]


def outcome(clean: Reading, *, steps: int = 3) -> AttackOutcome:
    spec, _ = services.checked(AttackChoice(attack="pgd", eps=8 / 255, steps=steps), "oct")
    return services.attack(clean, spec, quiet)


# ---- the result follows the slider -------------------------------------------------------------------------------


def test_fgsm_follows_its_settings_after_the_first_press(app: AppTest) -> None:
    open_lab(app, "fgsm")
    app.select_slider(key="eps_linf").set_value(2 / 255).run()
    assert "lab_result" not in app.session_state
    press(app)
    first: LabResult = app.session_state["lab_result"]
    assert first.spec.eps == 2 / 255
    app.select_slider(key="eps_linf").set_value(8 / 255).run()
    assert not app.exception
    second: LabResult = app.session_state["lab_result"]
    assert second.spec.eps == 8 / 255 and "ε = 8/255" in text_of(app)
    for found in second.outcomes:
        assert found.attacked.linf == pytest.approx(8 / 255, abs=1e-6)
    app.run()
    assert app.session_state["lab_result"] is second  # nothing changed, nothing ran
    app.pills(key="compare_oct").set_value(["oct/meddef"]).run()
    assert [found.clean.model.id for found in app.session_state["lab_result"].outcomes] == ["oct/meddef"]


def test_a_result_taken_back_from_the_history_is_not_run_over(app: AppTest) -> None:
    attack(app, "fgsm")
    first = app.session_state["lab_result"]
    app.select_slider(key="eps_linf").set_value(8 / 255).run()
    app.session_state["lab_result"] = first
    app.run()
    assert app.session_state["lab_result"] is first
    press(app)
    assert app.session_state["lab_result"].spec.eps == 8 / 255


def test_an_attack_of_many_steps_waits_for_its_button(app: AppTest) -> None:
    attack(app, "bim")
    held = app.session_state["lab_result"]
    app.selectbox(key="attack_white_box").set_value("pgd").run()
    app.pills(key="compare_oct").set_value(["oct/meddef"]).run()
    assert app.session_state["lab_result"] is held


# ---- iterates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 5, 59, 60, 61, 200, 1999])
def test_an_album_is_bounded_even_and_keeps_both_ends_and_the_mark(steps: int) -> None:
    clean, marked = np.zeros((2, 2), np.float32), max(1, 2 * steps // 3)
    album = Album(clean)
    for step in range(1, steps + 1):
        album.add(step, np.full((2, 2), step / 2000, np.float32), mark=step >= marked)
    found = album.iterates()
    assert len(found.steps) == len(found.pictures) == len(found.linf) <= 60
    assert found.steps[0] == 0 and found.steps[-1] == steps and marked in found.steps
    assert list(found.steps) == sorted(set(found.steps)) and len(found.steps) >= min(steps, 28)
    always = {0, marked, steps}
    assert any(set(found.steps) == always | {*range(0, steps, stride)} for stride in (1, 2, 4, 8, 16, 32, 64))
    for step, picture, linf in zip(found.steps, found.pictures, found.linf, strict=True):
        assert picture[0, 0] == pytest.approx(step / 2000, abs=5e-4) and linf == pytest.approx(step / 2000)


@pytest.mark.usefixtures("start")
def test_the_player_gets_every_picture_within_half_a_level() -> None:
    found = outcome(clean_readings()[0], steps=7)
    iterates = found.attacked.iterates
    assert iterates is not None and iterates.steps == tuple(range(8))
    assert max(iterates.linf) <= 8 / 255 + 1e-6 and found.noise.iterates is None
    sent = lab_player._model(found, task=services.tasks()["oct"])
    packed = np.frombuffer(zlib.decompress(base64.b64decode(sent["changes"])), np.uint8).reshape(8, 224, 224)
    changes = np.cumsum(packed, axis=0, dtype=np.uint8).view(np.int8) * (sent["span"] / 127)
    wanted = iterates.pictures.astype(np.float32) - iterates.pictures[0].astype(np.float32)
    assert np.abs(changes - wanted).max() <= sent["span"] / 254 + 1e-6
    assert [len(shares) for shares in sent["shares"]] == [4] * 8
    own = sent["own"]
    assert sent["course"][-1] == [7, pytest.approx(found.attacked.steps[-1].shares[own], abs=1e-5)]


def test_the_player_is_there_for_steps_and_not_for_one(app: AppTest) -> None:
    lab_section(attack(app, "pgd"), "steps")
    assert "lab_player" in [each.key for each in app.get("bidi_component")]
    attack(app, "fgsm")
    assert "lab_player" not in [each.key for each in app.get("bidi_component")] and not app.exception


# ---- growing budgets ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("start")
def test_a_sweep_never_grows_weaker_and_stays_in_its_budgets() -> None:
    clean, heard = clean_readings()[0], []
    curve = sweeps.sweep(clean, lambda what, step, total: heard.append((step, total)), steps=2)
    assert [point.eps for point in curve.points] == [0.0, *sweeps.BUDGETS]
    margins = [point.margin for point in curve.points]
    assert margins == sorted(margins, reverse=True) and margins[-1] < margins[0]
    for point in curve.points:
        assert np.abs(point.attacked.picture - clean.picture).max() <= point.eps + 1e-6
        assert np.abs(point.noise.picture - clean.picture).max() <= point.eps + 1e-6
        assert (point.margin < 0) == (point.attacked.label != clean.label)
    assert heard == [(step, 16) for step in range(1, 17)]
    flips = [point.eps for point in curve.points if point.margin < 0]
    assert curve.flips_at == (flips[0] if flips else None)


@pytest.mark.usefixtures("start")
def test_the_smallest_budget_flips_and_none_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = clean_readings()[0]
    monkeypatch.setattr(sweeps, "HIGHEST", 0.9)
    found = sweeps.smallest(clean, quiet, steps=3)
    assert found.eps is not None and found.attacked is not None
    assert found.attacked.label != clean.label and found.withstood < found.eps <= found.withstood + sweeps.TOLERANCE
    assert np.abs(found.attacked.picture - clean.picture).max() == pytest.approx(found.eps, abs=1e-6)
    monkeypatch.setattr(sweeps, "HIGHEST", found.eps / 100)
    none = sweeps.smallest(clean, quiet, steps=3)
    assert none.eps is None and none.attacked is None and none.attacks == 1


def test_slow_sections_wait_for_their_buttons_and_are_forgotten(app: AppTest) -> None:
    attack(app, "pgd")
    found = [f"lab_found_{name}" for name in ("sweep", "smallest", "transfer")]
    assert not [key for key in found if key in app.session_state]
    said = {}
    for section, buttons in (("sweep", ("lab_sweep", "lab_smallest")), ("transfer", ("lab_transfer",))):
        lab_section(app, section)
        if section == "sweep":
            app.number_input(key="lab_sweep_steps_pgd").set_value(1)
        for button in buttons:
            app.button(key=button).click().run()
            assert not app.exception
        said[section] = text_of(app)
    assert all(key in app.session_state for key in found)
    swept = said["sweep"]
    assert swept.count("Random noise of these sizes") + swept.count("Random noise changed it at") == 2
    assert "An upper bound, found by this attack" in swept
    assert swept.count("PGD with 1 steps found no change") == swept.count("With so few steps")
    assert "Shown to models they were not made on, the pictures changed the output" in said["transfer"]
    lab_section(app, "sweep")
    app.number_input(key="lab_sweep_steps_pgd").set_value(2).run()
    assert "An upper bound" not in text_of(app)  # what was found belongs to other settings
    app.button(key="clear_everything").click().run()
    assert not [key for key in found if key in app.session_state]
    assert services.QUEUE.load == (0, 0)


@pytest.mark.parametrize("steps", [0, sweeps.MOST_STEPS + 1, 10**6])
def test_steps_no_field_would_send_are_refused(steps: int) -> None:
    with pytest.raises(AttackError, match="1 to 50 steps"):
        sweeps.checked_steps(steps)


# ---- transfer ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("start")
def test_the_matrix_reads_every_picture_with_every_model() -> None:
    outcomes = tuple(outcome(clean) for clean in clean_readings())
    spec, _ = services.checked(AttackChoice(attack="pgd", eps=8 / 255), "oct")
    shown = sweeps.shown_around(LabResult("f", "oct", services.option("pgd"), spec, None, outcomes))
    assert [each.made_on for each in shown] == [each.clean.model for each in outcomes]
    for row, (each, own) in enumerate(zip(shown, outcomes, strict=True)):
        assert each.readings[row] is own.attacked.reading and each.changed[row] == own.changed
        for reading, target in zip(each.readings, outcomes, strict=True):
            assert reading.model == target.clean.model and np.array_equal(reading.picture, own.attacked.reading.picture)


def test_one_model_has_nothing_to_transfer_to(app: AppTest) -> None:
    open_lab(app, "fgsm")
    app.pills(key="compare_oct").set_value(["oct/meddef"])
    press(app)
    assert "Compare two models or more" in text_of(lab_section(app, "transfer"))


# ---- audits ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("start")
def test_a_verdict_counts_for_these_weights_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_RESULTS_DIR", str(tmp_path))
    model = services.models("oct")[0]
    weights = next(card.weights.sha256 for card in services.cards() if card.key == model.id)
    assert trust(model).meaning == UNAUDITED

    def written(digest: str = weights, **changes: object) -> None:
        document = made.audit(model.id, digest)
        (red, _) = document["numbers"]["findings"]
        amber = red | {"severity": "amber", "sentence": "amber."}
        document["numbers"] |= {"findings": [amber, red | {"sentence": "red."}]} | changes
        made.write(tmp_path, f"audit/{model.id}.json", document)

    written()
    assert (trust(model).verdict, trust(model).reasons, trust(model).n) == ("red", ("red.", "amber."), 32)
    written(made.OTHER)
    assert trust(model).meaning == OTHER_WEIGHTS and trust(model).verdict == "none"
    for broken in ({"verdict": "blue"}, {"n": 0}, {"findings": None}):
        written(**broken)
        assert trust(model).meaning == DAMAGED and trust(model).verdict == "none"
    assert trust(ModelChoice("oct/undefended+jpeg", "JPEG", "", True, wrapped=True)).meaning == WRAPPED


def test_the_verdict_stands_beside_each_result(app: AppTest) -> None:
    attack(app, "fgsm")
    assert text_of(app).count(OTHER_WEIGHTS) == 2  # the shipped audits are not of these untrained models
    assert text_of(app).count("Not audited") == 2


# ---- language ----------------------------------------------------------------------------------------------------


def test_every_word_of_the_registry_and_of_the_forms_has_chinese_words() -> None:
    said = {word for info in ATTACKS.values() if limits.in_lab(info) for word in (info.title, info.one_line)}
    said |= {*attack_form.THREATS.values(), *attack_form.LOSSES.values(), *lab_player.WORDS.values()}
    said |= {word for words in attack_form.COUNTS.values() for word in words}
    said |= {word for norm in budgets.NORMS.values() for word in (norm.label, norm.help)}
    said |= {words for words, _, _ in lab_trust.BADGES.values()} | set(MEANINGS.values())
    said |= set(lab_sections.TITLES.values())
    said |= {UNAUDITED, OTHER_WEIGHTS, WRAPPED, DAMAGED}
    assert not [word for word in said if catalogue("zh").find(word) is None]


def test_the_page_speaks_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    attack(app, "pgd")
    speak_chinese(app, monkeypatch)
    assert not app.exception
    assert "输出" in text_of(app) and not attacked_outputs(app)

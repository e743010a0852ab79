"""The attack lab: a form for every attack of the registry, every norm, transfers, and defences to compare with."""

import dataclasses
import time

import pytest
from app_driving import (
    DIAGNOSE,
    LAB,
    QUICK,
    attack,
    attacked_outputs,
    keys_of,
    lab_section,
    open_lab,
    press,
    text_of,
)
from refusals import refused_as
from streamlit.testing.v1 import AppTest

from dashboard.components.progress import paced
from dashboard.services import estimates, limits
from dashboard.services import shared as services
from dashboard.services.results.common import AttackChoice, Reading
from meddef_core.attacks import ATTACKS, default_spec
from meddef_core.errors import MedDefError
from meddef_core.explanation import MAP_CAVEAT

JPEG = "oct/undefended+jpeg"
PGD = AttackChoice(attack="pgd", eps=4 / 255, steps=2)
OFFERED = [name for name, info in ATTACKS.items() if limits.in_lab(info)]


@pytest.fixture
def extra_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks that the registry does not have: the controls of the other norms, said to be attacks."""
    for norm in ("l2", "l0"):
        name = f"new_{norm}"
        info = dataclasses.replace(ATTACKS[f"noise_{norm}"], name=name, title=f"New {norm}", threat="white box")
        monkeypatch.setitem(ATTACKS, name, info)


def clean_reading() -> Reading:
    """A sample as MedDef sees it."""
    return services.reading_of(services.models("oct")[0], services.thumbnail("oct", services.samples("oct")[0].key))


# ---- the form ----------------------------------------------------------------------------------------------------


def test_the_form_of_every_attack_has_its_settings_and_no_other(app: AppTest) -> None:
    for name in OFFERED:
        open_lab(app, name)
        assert not app.exception
        option, keys = services.option(name), keys_of(app)
        for setting in ("steps", "restarts", "samples", "search_steps", "theta", "loss"):
            assert (f"{setting}_{name}" in keys) == (setting in option.settings)
        assert ("target_oct" in keys) == ("target" in option.settings)
        assert ("source_oct" in keys) == option.needs_source
        assert {key for key in keys if key.startswith("eps_")} == {f"eps_{option.norm}"}


def test_attacks_of_one_call_and_controls_are_not_offered() -> None:
    assert "universal" not in OFFERED and not any(name.endswith("noise") for name in OFFERED)
    assert [option.key for option in services.attack_options()] == OFFERED


@pytest.mark.parametrize(
    ("norm", "eps", "words"),
    [("linf", 0.05, "0.0500"), ("l2", 5.0, "length 5"), ("l0", 0.02, "2% of values")],
)
@pytest.mark.usefixtures("extra_attacks")
def test_a_new_attack_of_any_norm_appears_by_itself(app: AppTest, norm: str, eps: float, words: str) -> None:
    open_lab(app, "fgsm" if norm == "linf" else f"new_{norm}")
    app.select_slider(key=f"eps_{norm}").set_value(eps)
    press(app)
    assert not app.exception
    result = app.session_state["lab_result"]
    for outcome in result.outcomes:
        assert outcome.attacked.norm == outcome.noise.norm == norm and outcome.attacked.eps == outcome.noise.eps == eps
        assert outcome.attacked.inside_budget and outcome.noise.inside_budget
        assert 0.5 * eps < outcome.attacked.distance <= eps + 1e-5
    assert f"ε = {words}" in text_of(app) or f"({words})" in text_of(app)
    lab_section(app, "sizes")
    (table,) = app.table
    bounded = [row for row in table.value.index if row.endswith(", bounded)")]
    assert len(bounded) == 1 and {"linf": "L∞", "l2": "L2", "l0": "L0"}[norm] in bounded[0]
    assert all(cell.startswith("yes: ") for cell in table.value.loc["Within ε"])


def test_the_first_form_starts_with_what_is_usual(app: AppTest) -> None:
    app.switch_page(LAB).run()
    assert app.selectbox(key="attack_white_box").value == "pgd"
    assert app.select_slider(key="eps_linf").value == pytest.approx(4 / 255)
    assert app.slider(key="steps_pgd").value == default_spec("pgd").steps
    assert app.slider(key="steps_pgd").max == ATTACKS["pgd"].most_steps
    assert app.pills(key="compare_oct").value == ["oct/undefended", "oct/meddef"]


def test_the_black_box_attack_that_is_shown_first_is_square(app: AppTest) -> None:
    app.switch_page(LAB).run()
    app.segmented_control(key="threat").set_value("black box").run()
    assert app.selectbox(key="attack_black_box").value == "square"
    assert "Run Square on both models" in app.button(key="run_attack").label


def test_a_scan_is_chosen_in_the_lab(app: AppTest) -> None:
    app.switch_page(LAB).run()
    assert app.selectbox(key="lab_scan").value == "synthetic-NORMAL"
    app.selectbox(key="lab_scan").set_value("synthetic-DME").run()
    assert app.session_state["chosen"].sample == "synthetic-DME"
    other = next(sample for sample in services.samples("chest"))
    app.selectbox(key="lab_scan").set_value(other.key).run()
    assert app.session_state["chosen"].task == "chest" and not app.exception


# ---- running -----------------------------------------------------------------------------------------------------


def test_an_attack_is_compared_on_both_models(app: AppTest) -> None:
    attack(app, "pgd")
    assert not app.exception
    result = app.session_state["lab_result"]
    assert [outcome.clean.model.id for outcome in result.outcomes] == ["oct/undefended", "oct/meddef"]
    for outcome in result.outcomes:
        assert outcome.attacked.linf == pytest.approx(4 / 255, abs=1e-5)
    said = text_of(app)
    assert attacked_outputs(app) == 2 and said.count("Random noise:") == 2
    assert "random noise of the same size is run beside it as a control" in said
    assert MAP_CAVEAT not in said
    said = text_of(lab_section(app, "maps"))
    assert "this model has no such map" in said.lower() and MAP_CAVEAT in said
    assert services.QUEUE.load == (0, 0)


@pytest.mark.usefixtures("start")
@pytest.mark.parametrize("name", OFFERED)
def test_every_attack_runs_beside_noise_of_its_norm(name: str) -> None:
    option = services.option(name)
    quick = {setting: value for setting, value in QUICK.items() if setting in option.settings}
    source = "oct/undefended" if option.needs_source else None
    # JSMA changes a few pixels a step; a twentieth of its usual budget is as long as the others take.
    eps = option.usual.eps / (20 if name == "jsma" else 1)
    choice = AttackChoice(attack=name, eps=eps, source=source, **quick)
    spec, model = services.checked(choice, "oct")
    outcome = services.attack(clean_reading(), spec, lambda *heard: None, source=model)
    assert outcome.attacked.inside_budget and outcome.noise.inside_budget
    assert outcome.attacked.norm == outcome.noise.norm == option.norm
    assert len(outcome.attacked.steps) >= 1


@pytest.mark.usefixtures("start")
def test_noise_is_as_large_as_an_attack_that_stops_short(monkeypatch: pytest.MonkeyPatch) -> None:
    info = dataclasses.replace(ATTACKS["bim"], name="short", seeks="smallest")
    monkeypatch.setitem(ATTACKS, "short", info)
    spec, _ = services.checked(AttackChoice(attack="short", eps=0.2, steps=10), "oct")
    # This class is not what the model says, so that standing still succeeds: the smallest change is none.
    clean = clean_reading()
    wrong = (clean.prediction.index + 1) % len(clean.classes)
    prediction = dataclasses.replace(clean.prediction, index=wrong, label=clean.classes[wrong])
    outcome = services.attack(dataclasses.replace(clean, prediction=prediction), spec, lambda *heard: None)
    assert outcome.attacked.success and outcome.attacked.distance == 0 == outcome.noise.distance


def test_a_result_belongs_to_its_scan(app: AppTest) -> None:
    attack(app, "fgsm")
    assert "there is no course to draw" in text_of(lab_section(app, "steps"))
    app.switch_page(DIAGNOSE).run()
    app.button(key="sample_synthetic-CNV").click().run()
    app.switch_page(LAB).run()
    assert not attacked_outputs(app) and "Not attacked yet" in text_of(app)


STALE = "These results are of other settings"


def test_a_result_of_other_settings_says_so_until_it_is_run_again(app: AppTest) -> None:
    attack(app, "pgd")
    assert STALE not in text_of(app)
    app.select_slider(key="eps_linf").set_value(2 / 255).run()
    assert STALE in app.main.warning[0].value and attacked_outputs(app) == 2
    app.select_slider(key="eps_linf").set_value(4 / 255).run()
    assert STALE not in text_of(app)
    app.pills(key="compare_oct").set_value(["oct/meddef"]).run()
    assert STALE in text_of(app)
    press(app)
    assert STALE not in text_of(app) and attacked_outputs(app) == 1


def test_an_attack_that_did_not_end_says_so(app: AppTest) -> None:
    open_lab(app, "pgd")
    app.session_state["lab_note"] = "The attack was stopped: a setting was changed, or the page was left. Run it again."
    app.run()
    assert "The attack was stopped" in app.main.warning[0].value
    press(app)
    assert "The attack was stopped" not in text_of(app) and attacked_outputs(app) == 2


@pytest.mark.usefixtures("start")
def test_an_estimate_grows_with_the_work_and_learns_the_pace() -> None:
    models = services.models("oct")[:1]
    spec, _ = services.checked(PGD, "oct")
    longer = dataclasses.replace(spec, steps=20 * spec.steps, restarts=3)
    first = estimates.seconds(models, spec)
    assert first > 0 and estimates.seconds(models, longer) == pytest.approx(60 * first)
    assert estimates.seconds(services.models("oct")[:2], spec) > first
    estimates.learn(models[0], longer, 240.0)
    assert estimates.seconds(models, spec) == pytest.approx(4.0)


def test_a_slow_attack_says_how_long_it_takes_before_it_runs(app: AppTest) -> None:
    open_lab(app, "pgd").run()
    assert "Estimated time" not in text_of(app)  # two steps
    for model in services.comparable("oct")[:2]:
        estimates.learn(model, default_spec("pgd", steps=1), 30.0)
    app.run()
    assert "Estimated time: about 2 min." in text_of(app)


def test_a_budget_of_zero_changes_nothing(app: AppTest) -> None:
    open_lab(app, "fgsm")
    app.select_slider(key="eps_linf").set_value(0.0)
    press(app)
    assert not app.exception
    assert text_of(app).count("**Output not changed**") == 2


def test_an_attack_can_aim_at_a_class_unless_a_model_gives_it_already(app: AppTest) -> None:
    open_lab(app, "fgsm")
    said, shown = [], []
    for label in services.tasks()["oct"].classes:
        app.selectbox(key="target_oct").set_value(label)
        press(app)
        assert not app.exception
        said.append(text_of(app))
        shown.append(attacked_outputs(app) > 0)
    refused = ["for this scan; aim at another class" in text for text in said]
    assert 1 <= sum(refused) <= 2
    assert all(there != no for there, no in zip(shown, refused, strict=True))
    assert services.QUEUE.load == (0, 0)


# ---- transfer, and other sides -----------------------------------------------------------------------------------


def test_a_transfer_leaves_its_source_out(app: AppTest) -> None:
    attack(app, "transfer")
    assert not app.exception
    result = app.session_state["lab_result"]
    assert result.source.id == "oct/undefended"
    assert [outcome.clean.model.id for outcome in result.outcomes] == ["oct/meddef"]
    assert "Transfer · made on Undefended" in text_of(app)


def test_a_transfer_needs_another_model_than_its_source(app: AppTest) -> None:
    open_lab(app, "transfer")
    app.pills(key="compare_oct").set_value(["oct/undefended"]).run()
    press(app)
    assert not app.exception
    assert "made on the only model chosen" in app.error[0].value
    spec, source = services.checked(AttackChoice(attack="transfer", eps=0.1, source="oct/meddef"), "oct")
    with refused_as(MedDefError, "attacks.title-source"):
        services.attack(clean_reading(), spec, lambda *heard: None, source=source)


def test_a_defence_from_the_literature_can_stand_beside(app: AppTest) -> None:
    open_lab(app, "pgd")
    app.pills(key="compare_oct").set_value(["oct/meddef", JPEG]).run()
    press(app)
    assert not app.exception
    result = app.session_state["lab_result"]
    assert [outcome.clean.model.id for outcome in result.outcomes] == ["oct/meddef", JPEG]
    assert text_of(lab_section(app, "maps")).count("This side has no maps") == 2


def test_no_model_or_too_many_is_a_sentence(app: AppTest) -> None:
    open_lab(app, "fgsm")
    app.pills(key="compare_oct").set_value([]).run()
    assert "Choose one to 4 models" in text_of(app) and app.button(key="run_attack").disabled
    ids = [model.id for model in services.comparable("oct")]
    assert len(ids) > limits.MOST_MODELS
    for wrong in (ids[: limits.MOST_MODELS + 1], [], ["oct/magic"], ["chest/meddef"]):
        with pytest.raises(MedDefError, match=r"[Cc]hoose"):
            services.compared("oct", wrong)


# ---- what a browser cannot be trusted with -----------------------------------------------------------------------


@pytest.mark.usefixtures("start", "extra_attacks")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": 10**6}, "Steps can be 200 at most"),
        ({"restarts": 6}, "Random starts can be 5 at most"),
        ({"attack": "eot_like", "steps": 200, "samples": 60}, "ask each model 12000 times"),
        ({"attack": "new_l0", "theta": 7.0}, "theta must be"),
        ({"attack": "universal"}, "does not run here"),
        ({"attack": "noise"}, "does not run here"),
        ({"attack": "magic"}, "no attack 'magic'"),
        ({"target": "PNEUMONIA"}, "no class 'PNEUMONIA'"),
        ({"loss": "l9"}, "loss must be"),
        ({"seed": -1}, "seed must be"),
        ({"eps": 2.0}, "between 0 and 1"),
        ({"attack": "new_l2", "eps": float("inf")}, "epsilon must be"),
        ({"attack": "new_l0", "eps": 2.0}, "share of values"),
        ({"attack": "transfer", "source": None}, "needs a model"),
        ({"attack": "transfer", "source": "chest/meddef"}, "needs a model"),
        ({"attack": "transfer", "source": JPEG}, "needs a model"),
    ],
)
def test_values_no_form_would_send_are_refused(monkeypatch: pytest.MonkeyPatch, changes: dict, sentence: str) -> None:
    pgd = ATTACKS["pgd"]
    settings = pgd.settings | {"samples"}
    monkeypatch.setitem(ATTACKS, "eot_like", dataclasses.replace(pgd, name="eot_like", settings=settings))
    choice = dataclasses.replace(PGD, **changes)
    with pytest.raises(MedDefError, match=sentence):
        services.checked(choice, "oct")


def test_values_beyond_the_fields_are_not_taken(app: AppTest) -> None:
    open_lab(app, "pgd")
    app.slider(key="steps_pgd").set_value(10**6)
    app.number_input(key="restarts_pgd").set_value(99)
    press(app)
    assert not app.exception
    spec = app.session_state["lab_result"].spec
    assert spec.steps <= 200 and spec.restarts <= 5


# ---- progress and cancelling -------------------------------------------------------------------------------------


def test_news_comes_a_few_times_a_second_and_the_last_always() -> None:
    heard: list[int] = []
    show = paced(lambda what, step, total: heard.append(step), pause=0.05)
    for step in range(1, 1001):
        show("Square", step, 1000)
    assert heard[0] == 1 and heard[-1] == 1000 and len(heard) < 10
    time.sleep(0.06)
    show("Noise", 1, 2)
    assert heard[-1] == 1


class Stopped(BaseException):
    """What Streamlit raises in a script whose reader pressed Cancel."""


@pytest.mark.usefixtures("start")
def test_cancelling_stops_at_the_next_step_and_frees_the_queue() -> None:
    seen: list[int] = []

    def stop(what: str, step: int, total: int) -> None:
        seen.append(step)
        if step == 3:
            raise Stopped

    spec, _ = services.checked(dataclasses.replace(PGD, steps=50), "oct")
    with pytest.raises(Stopped), services.turn(lambda ahead: None):
        services.attack(clean_reading(), spec, stop)
    assert seen == [1, 2, 3]
    assert services.QUEUE.load == (0, 0)

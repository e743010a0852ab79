"""Links to the attack lab: one opens the form as it was set, is checked like a form, and never leads to an upload."""

from collections.abc import Callable

import numpy as np
import pytest
from app_driving import LAB, keys_of, open_lab, png_of, speak_chinese, text_of, upload
from streamlit.testing.v1 import AppTest

from dashboard.views.attack_lab import link as lab_link

REFUSED = "The link asked for something that is not here or out of bounds"


def opened(app: AppTest, **parameters: str) -> AppTest:
    """The laboratory as a link opens it."""
    app.switch_page(LAB)
    app.query_params.update(parameters)
    return app.run()


def address(app: AppTest) -> dict[str, str]:
    """What the browser's address says, without the language."""
    found = {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}
    return {name: value for name, value in found.items() if name in lab_link.NAMES}


def test_a_link_opens_the_form_as_it_says(app: AppTest) -> None:
    link = {
        "sample": "synthetic-DRUSEN", "model": "meddef,undefended+jpeg", "attack": "square", "eps": "8/255",
        "steps": "70", "seed": "11",
    }  # fmt: skip
    opened(app, **link)
    assert not app.exception and REFUSED not in text_of(app)
    assert app.session_state["chosen"].sample == "synthetic-DRUSEN"
    assert app.pills(key="compare_oct").value == ["oct/meddef", "oct/undefended+jpeg"]
    assert app.segmented_control(key="threat").value == "black box"
    assert app.selectbox(key="attack_black_box").value == "square"
    assert app.select_slider(key="eps_linf").value == 8 / 255
    assert app.slider(key="steps_square").value == 70
    assert app.number_input(key="seed").value == 11
    assert address(app) == link
    assert "lab_result" not in app.session_state  # a link sets the form; the reader runs it


def test_the_address_follows_the_form_and_opens_it_again(app: AppTest, start: Callable[[], AppTest]) -> None:
    open_lab(app, "fgsm")
    app.select_slider(key="eps_linf").set_value(0.05)
    app.number_input(key="seed").set_value(3)
    app.pills(key="compare_oct").set_value(["oct/meddef"]).run()
    link = address(app)
    assert link == {"sample": "synthetic-NORMAL", "model": "meddef", "attack": "fgsm", "eps": "0.05", "seed": "3"}
    assert any("/attack-lab?" in code.value and "eps=0.05" in code.value for code in app.code)
    other = opened(start(), **link)
    assert other.selectbox(key="attack_white_box").value == "fgsm" and "steps_fgsm" not in keys_of(other)
    assert other.select_slider(key="eps_linf").value == 0.05 and other.number_input(key="seed").value == 3
    assert address(other) == link


def test_an_address_that_comes_late_does_not_set_the_form_back(app: AppTest) -> None:
    open_lab(app, "fgsm")
    early = address(app)
    app.select_slider(key="eps_linf").set_value(2 / 255).run()
    app.query_params.update(early)
    app.select_slider(key="eps_linf").set_value(3 / 255).run()
    assert app.select_slider(key="eps_linf").value == 3 / 255 and address(app)["eps"] == "3/255"


IN_VAIN = {
    "sample": ["synthetic-NOBODY"],
    "model": ["magic", "", "meddef,../../etc"],
    "attack": ["universal", "noise", "magic"],
    "eps": ["nan", "-1/255", "0.0317", "<b>"],
    "steps": ["1000000", "0", "ten"],
    "seed": ["-1", "99999999999999999999", "1.5"],
    "task": ["brain"],
}


def test_what_a_link_asks_in_vain_is_one_sentence(app: AppTest) -> None:
    asked = [(name, value) for name, values in IN_VAIN.items() for value in values]
    for number, (name, value) in enumerate(asked):
        opened(app, attack="pgd", eps="4/255", seed=str(100 + number))
        opened(app, **{"attack": "pgd", "eps": "3/255", "seed": "5", name: value})
        assert not app.exception, value
        (warning,) = app.warning
        assert REFUSED in warning.value and f"({name})" in warning.value and "<b>" not in warning.value
        assert address(app)["eps"] == ("4/255" if name == "eps" else "3/255")
        assert app.number_input(key="seed").value == (100 + number if name == "seed" else 5)
        assert value not in address(app).values()


def test_the_sentence_goes_with_the_next_link_and_names_all(app: AppTest) -> None:
    opened(app, attack="magic", steps="0", seed="5")
    assert "(attack, steps)" in app.warning[0].value
    opened(app, attack="pgd", seed="6")
    assert not app.warning and app.number_input(key="seed").value == 6


def test_a_link_never_leads_to_an_upload(app: AppTest) -> None:
    upload(app, png_of(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)))
    mine = app.session_state["chosen"]
    app.switch_page(LAB).run()
    link = address(app)
    assert link["task"] == "oct" and "sample" not in link
    assert not any(part in value for value in link.values() for part in (mine.fingerprint[:8], mine.scan.digest[:8]))
    opened(app, **{**link, "seed": "9"})
    assert app.session_state["chosen"] is mine and app.number_input(key="seed").value == 9


def test_a_sample_of_the_other_kind_brings_its_models(app: AppTest) -> None:
    chest = opened(app, task="chest", model="undefended", attack="pgd")
    assert not chest.exception and not chest.warning
    assert chest.session_state["chosen"].task == "chest"
    assert chest.pills(key="compare_chest").value == ["chest/undefended"]


def test_the_link_speaks_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(app, seed="-1")
    speak_chinese(app, monkeypatch)
    assert not app.exception and "链接请求的内容" in text_of(app)
    assert any("lang=zh" in code.value for code in app.code)

"""What a reader does with the pages, as functions of a session."""

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from dashboard import language
from dashboard.services import shared as services

LAB = "dashboard/views/attack_lab/page.py"
ABOUT = "dashboard/views/about/page.py"
DIAGNOSE = "dashboard/views/diagnose/page.py"
ROBUSTNESS = "dashboard/views/robustness/page.py"

QUICK = {"steps": 2, "samples": 2, "search_steps": 1}
"""Settings that keep an attack short."""


def text_of(app: AppTest | Block) -> str:
    """Everything a page, or a part of it, says in words, in no particular order."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in app.get(kind))


def speak_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page in Chinese. AppTest reads options outside the session: there they must be Chinese, too, from now on."""
    app.segmented_control(key="lang").set_value("zh").run()
    monkeypatch.setattr(language, "OUTSIDE", "zh")
    return app


def open_section(app: AppTest, name: str) -> AppTest:
    """What stands below the first screen of Diagnose: one section at a time."""
    return app.segmented_control(key="diagnose_section").set_value(name).run()


def sections_of(app: AppTest) -> list[str]:
    """The titles of all sections that Diagnose offers."""
    return list(app.segmented_control(key="diagnose_section").options)


def open_robustness(app: AppTest, section: str = "overview") -> AppTest:
    """The page of records, at one of its sections."""
    app.switch_page(ROBUSTNESS).run()
    return robustness_section(app, section)


def robustness_section(app: AppTest, section: str) -> AppTest:
    """Another section of the page of records."""
    app.segmented_control(key="robustness_section").set_value(section).run()
    assert not app.exception
    return app


def open_lab(app: AppTest, name: str) -> AppTest:
    """The laboratory with one attack's form, its work set low."""
    app.switch_page(LAB).run()
    option = services.option(name)
    app.segmented_control(key="threat").set_value(option.threat).run()
    app.selectbox(key=f"attack_{option.threat.replace(' ', '_')}").set_value(name).run()
    for setting, value in QUICK.items():
        if setting in option.settings:
            field = app.slider if setting == "steps" else app.number_input
            field(key=f"{setting}_{name}").set_value(value)
    return app


def press(app: AppTest) -> AppTest:
    """Run the attack that the form shows."""
    return app.button(key="run_attack").click().run()


def attack(app: AppTest, name: str) -> AppTest:
    """Open an attack's form and run it."""
    return press(open_lab(app, name))


def lab_section(app: AppTest, name: str) -> AppTest:
    """What stands below the first screen of the laboratory: one section at a time."""
    return app.segmented_control(key="lab_section").set_value(name).run()


def attacked_outputs(app: AppTest) -> int:
    """How many models the laboratory shows a verdict of."""
    said = text_of(app)
    return said.count("**Output changed**") + said.count("**Output not changed**")


def keys_of(app: AppTest) -> set[str]:
    """Keys of all widgets on the page."""
    kinds = ("slider", "select_slider", "number_input", "selectbox", "segmented_control", "multiselect", "button")
    return {str(element.key) for kind in kinds for element in app.get(kind)}


def png_of(pixels: np.ndarray) -> bytes:
    """The file of a picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def upload(app: AppTest, data: bytes, *, name: str = "a.png", kind: str = "image/png") -> AppTest:
    """Give the page a file."""
    app.file_uploader[0].set_value((name, data, kind))
    return app.run()


def main_text(app: AppTest) -> str:
    """What the page itself says in words: not the sidebar, where the history stands."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in app.main.get(kind))


def pictures(app: AppTest) -> set[str]:
    """Addresses of the page's own pictures; they are named by their content."""
    return {image.url for element in app.main.get("image") for image in element.proto.imgs}

"""Rules of the dashboard that no page may break."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "dashboard").rglob("*.py"), ROOT / "streamlit_app.py"])
KEYED = {
    "button", "segmented_control", "pills", "selectbox", "radio", "slider", "select_slider", "number_input", "toggle",
    "checkbox", "text_input", "file_uploader", "form_submit_button", "download_button", "multiselect", "plotly_chart",
}  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_widget_has_a_key_and_no_page_writes_html(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        if node.func.attr in KEYED:
            assert "key" in keywords, f"line {node.lineno}: {node.func.attr} without key="
        assert "unsafe_allow_html" not in keywords
        assert node.func.attr != "html"


def test_no_folder_called_pages() -> None:
    assert not [path for path in (ROOT / "dashboard").rglob("pages") if path.is_dir()]


def test_settings_keep_the_server_private() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["maxUploadSize"] == 20
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
    assert {"light", "dark"} <= set(settings["theme"])
    assert "http" not in (ROOT / ".streamlit" / "config.toml").read_text()

"""Where the files lie that are no code: models, records, lessons, translations, checks and Streamlit's settings.

In a checkout they lie in `assets/` at the top. A wheel holds the same folder inside this package (`setup.py`), because
what lies beside a package cannot be told from other packages once it is installed.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path


def assets(*parts: str) -> Path:
    """A file or folder of the assets, `assets("models")`; of a checkout or of an installed wheel, whichever runs."""
    return _packed().joinpath(*parts) if _packed().is_dir() else _top().joinpath("assets", *parts)


def app_script() -> Path:
    """The script that Streamlit runs; pages name their files relative to its folder."""
    return _top() / "streamlit_app.py"


def app_settings() -> Path:
    """The folder that holds `.streamlit/config.toml`, which Streamlit reads from the folder that it is started in."""
    return _packed() if _packed().is_dir() else _top()


@cache
def _packed() -> Path:
    return Path(str(files("meddef_core"))) / "assets"


def _top() -> Path:
    """The folder that this package is imported from."""
    return _packed().parents[1]

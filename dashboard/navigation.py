"""The pages there are: every folder of `views` that offers a tuple `PAGES`."""

from dataclasses import dataclass

from dashboard.services.account import Right
from dashboard.services.registry import collected


@dataclass(frozen=True, kw_only=True)
class PageInfo:
    """A registry entry. `title` is in English; `address` is what the browser shows, and links to a page rely on it.

    `right` is what a visitor must be allowed to do to be offered the page.
    """

    folder: str
    title: str
    icon: str
    address: str
    right: Right = "read"

    @property
    def script(self) -> str:
        """What Streamlit runs, relative to `streamlit_app.py`."""
        return f"dashboard/views/{self.folder}/page.py"


def pages() -> tuple[PageInfo, ...]:
    """Every page in the order of the navigation; the first one opens."""
    return tuple(collected("dashboard.views", "PAGES", key=lambda page: str(page.address)).values())

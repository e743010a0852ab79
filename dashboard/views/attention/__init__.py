"""The page Attention."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 30
PAGES = (
    PageInfo(
        folder="attention",
        title=Text("attention.attention", "Attention"),
        icon=":material/visibility:",
        address="attention",
    ),
)

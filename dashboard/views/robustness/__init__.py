"""The page Robustness."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 60
PAGES = (
    PageInfo(
        folder="robustness", title=Text("app.robustness", "Robustness"), icon=":material/shield:", address="robustness"
    ),
)

"""The page Diagnose."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 10
PAGES = (
    PageInfo(
        folder="diagnose", title=Text("diagnose.diagnose", "Diagnose"), icon=":material/radiology:", address="diagnose"
    ),
)

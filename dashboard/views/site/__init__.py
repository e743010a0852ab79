"""The page Your site."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 70
PAGES = (
    PageInfo(
        folder="site",
        title=Text("site.your-site", "Your site"),
        icon=":material/local_hospital:",
        address="site",
        right="site",
    ),
)

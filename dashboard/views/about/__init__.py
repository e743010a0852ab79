"""The page About."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 80
PAGES = (PageInfo(folder="about", title=Text("app.about", "About"), icon=":material/info:", address="about"),)

"""The page Teach."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 50
PAGES = (PageInfo(folder="teach", title=Text("app.teach", "Teach"), icon=":material/school:", address="teach"),)

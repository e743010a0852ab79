"""The page Teach."""

from dashboard.navigation import PageInfo

ORDER = 50
PAGES = (PageInfo(folder="teach", title="Teach", icon=":material/school:", address="teach"),)

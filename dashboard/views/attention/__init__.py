"""The page Attention."""

from dashboard.navigation import PageInfo

ORDER = 30
PAGES = (PageInfo(folder="attention", title="Attention", icon=":material/visibility:", address="attention"),)

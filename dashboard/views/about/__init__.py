"""The page About."""

from dashboard.navigation import PageInfo

ORDER = 80
PAGES = (PageInfo(folder="about", title="About", icon=":material/info:", address="about"),)

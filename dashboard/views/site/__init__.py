"""The page Your site."""

from dashboard.navigation import PageInfo

ORDER = 70
PAGES = (PageInfo(folder="site", title="Your site", icon=":material/local_hospital:", address="site", right="site"),)

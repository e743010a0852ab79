"""The page Robustness."""

from dashboard.navigation import PageInfo

ORDER = 60
PAGES = (PageInfo(folder="robustness", title="Robustness", icon=":material/shield:", address="robustness"),)

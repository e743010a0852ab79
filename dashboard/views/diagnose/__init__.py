"""The page Diagnose."""

from dashboard.navigation import PageInfo

ORDER = 10
PAGES = (PageInfo(folder="diagnose", title="Diagnose", icon=":material/radiology:", address="diagnose"),)

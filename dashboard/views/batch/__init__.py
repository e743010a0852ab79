"""The page Batch."""

from dashboard.navigation import PageInfo

ORDER = 40
PAGES = (PageInfo(folder="batch", title="Batch", icon=":material/table_view:", address="batch"),)

"""The page Batch."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 40
PAGES = (PageInfo(folder="batch", title=Text("batch.batch", "Batch"), icon=":material/table_view:", address="batch"),)

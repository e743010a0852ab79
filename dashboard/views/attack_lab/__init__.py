"""The page Attack lab."""

from dashboard.navigation import PageInfo
from dashboard.services.words import Text

ORDER = 20
PAGES = (
    PageInfo(
        folder="attack_lab",
        title=Text("lab.attack-lab", "Attack lab"),
        icon=":material/experiment:",
        address="attack-lab",
    ),
)

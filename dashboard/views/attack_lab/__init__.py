"""The page Attack lab."""

from dashboard.navigation import PageInfo

ORDER = 20
PAGES = (PageInfo(folder="attack_lab", title="Attack lab", icon=":material/experiment:", address="attack-lab"),)

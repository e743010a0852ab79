"""How well a model reads clean and attacked scans, and how sure the numbers are."""

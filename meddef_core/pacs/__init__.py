"""The PACS: studies are found (QIDO-RS), fetched (WADO-RS) and sent (STOW-RS); a watch stores results beside them.

Only the server of the settings is ever asked, and nothing of a result names anybody who was not named in its study.
"""

"""The classroom's tables, one file for each change of them; `database` brings any database up to date."""

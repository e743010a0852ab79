"""The checks, one family a module: each offers a tuple `CHECKS`."""

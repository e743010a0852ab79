"""The explainers, one family a module: each offers a tuple `EXPLAINERS`, and pages show them by `ORDER`."""

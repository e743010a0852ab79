"""The checks, one family a module: each offers a tuple `CHECKS`.

They run in the order of `ORDER`: black-box attacks after the white-box ones, which tell them the hardest images.
"""

"""Cards used on more than one page; each is a small function."""

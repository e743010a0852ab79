"""The page Attack lab."""

"""The changes, by their numbers."""

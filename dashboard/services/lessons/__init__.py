"""Lessons and their quiz: read, checked, played."""

"""MedDef: diagnostic networks that are hard to fool, and honest measurements of how hard."""

__version__ = "0.1.0"
"""The version, defined here alone; pyproject.toml reads it from this line without importing the package."""

"""MedDef: diagnostic networks that are hard to fool, and honest measurements of how hard."""

__version__ = "0.1.0"

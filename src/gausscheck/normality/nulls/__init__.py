"""Null laws: published, tabulated and shipped, or simulated."""

"""Repair: which preparation of rows or thresholds makes a Gaussian threshold hold, if any does."""

from gausscheck.remedies.result import Change, Remedy, Repair
from gausscheck.remedies.run import repair

__all__ = ["Change", "Remedy", "Repair", "repair"]

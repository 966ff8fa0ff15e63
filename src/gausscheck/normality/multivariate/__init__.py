"""Tests of whole rows against the normal law."""

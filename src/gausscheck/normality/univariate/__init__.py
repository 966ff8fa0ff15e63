"""Tests of one direction at a time."""

"""Passes over all rows: how they are cut, folded, sampled, run here or on a cluster, and kept."""

"""Use: what happens if these rows are treated as Gaussian, by an exact law."""

from gausscheck.audit.use.section import assemble, use_of_rows

__all__ = ["assemble", "use_of_rows"]

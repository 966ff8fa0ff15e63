"""Where whitened or unit rows point, and how far out they lie."""

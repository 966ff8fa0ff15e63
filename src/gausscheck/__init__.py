"""gausscheck: audit embeddings for Gaussian structure."""

__version__ = "0.1.0"

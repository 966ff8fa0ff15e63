"""The reference trainer: embeddings under known objectives, and the paper's experiments.

The only room that imports torch: ``pip install "gausscheck[train]"``.
"""

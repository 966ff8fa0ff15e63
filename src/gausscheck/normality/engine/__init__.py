"""The engine: all one-dimensional tests of many directions in one go."""

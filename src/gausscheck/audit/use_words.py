"""The use section in words: what was measured, and what to do."""

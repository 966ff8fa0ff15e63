"""The audit: ``analyze`` as an ordered list of steps, one file a step."""

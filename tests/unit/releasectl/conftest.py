"""Hypothesis: the same examples on every machine, and no deadline that a busy one would miss."""

from hypothesis import settings

settings.register_profile("releasectl", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("releasectl")

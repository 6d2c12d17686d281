"""Thin edge: one external call per function, each with an explicit timeout."""

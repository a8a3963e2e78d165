"""Benefit policies: compiled, adjudicated step by step, explained, put in force."""

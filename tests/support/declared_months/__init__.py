"""Declared months of institutions: desks that act on them, and a plain oracle of what they owe."""

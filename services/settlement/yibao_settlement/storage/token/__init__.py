"""Tokens of codes that were resolved, and what each was used for."""

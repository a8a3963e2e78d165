"""Writes `docs/reference/` from the comments and rules of the protos."""

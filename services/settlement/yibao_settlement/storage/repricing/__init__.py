"""Repricings as stored, and the terms that settlements have by now."""

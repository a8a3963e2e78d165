"""Figures of a region as stored."""

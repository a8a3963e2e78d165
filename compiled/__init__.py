"""Compiles ahead of time what decides bills: `make compiled`."""

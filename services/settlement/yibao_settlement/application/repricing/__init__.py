"""Repricing: settled bills get the terms that their days have by now."""

"""Databases: connections, rows, batches, answers, migrations."""

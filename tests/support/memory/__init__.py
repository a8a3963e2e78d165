"""Units of work in memory: what application decides is tested without a database.

One file for each room of rows; `tests/storage` tests the rows themselves.
"""

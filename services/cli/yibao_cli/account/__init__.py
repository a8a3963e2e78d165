"""`yibao account`: personal accounts, for operators of the agency."""

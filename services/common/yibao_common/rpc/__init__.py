"""The edge: server, gate, callers, access, validation, the words of the contract."""

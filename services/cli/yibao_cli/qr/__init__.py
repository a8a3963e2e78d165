"""`yibao qr`: codes of e-certificates, drawn, read and verified."""

"""What the magic values of a sandbox say, done over its own services."""

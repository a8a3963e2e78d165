"""Private keys at rest and in modules, sealing, and a CA for development."""

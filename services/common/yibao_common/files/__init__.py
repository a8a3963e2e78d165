"""Files that people write: YAML with the place of each fault."""

"""Files that people write, read into values of the rules: every mistake told at once."""

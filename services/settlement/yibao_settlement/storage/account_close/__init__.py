"""The annual close of personal accounts as stored."""

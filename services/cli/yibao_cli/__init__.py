"""The `yibao` command."""

"""From files of `yibao-policy/1` to files of `yibao-policy/2`."""

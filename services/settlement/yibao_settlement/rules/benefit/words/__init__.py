"""A policy of `yibao-policy/2` in words, Chinese and English."""

"""Benefits by policies of the format `yibao-policy/2`: the typed policy, and how it decides."""

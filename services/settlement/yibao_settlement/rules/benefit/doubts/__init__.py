"""What whoever wrote a policy of `yibao-policy/2` probably did not mean: nothing refuses it."""

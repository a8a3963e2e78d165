"""Policy files of the format `yibao-policy/2`: read, with every mistake told at once."""

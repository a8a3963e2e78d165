"""TOML of plain values, as configurations and contexts are written."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping

# What a file holds, by table and key.
Tables = Mapping[str, Mapping[str, "Value"]]
Value = str | int | float | bool | Iterable[str] | dt.datetime


def to_toml(tables: Tables) -> str:
    """Returns tables of plain values as TOML."""
    blocks = []
    for name, values in tables.items():
        lines = [f"{key} = {_toml_value(value)}" for key, value in values.items()]
        blocks.append("\n".join((f"[{name}]", *lines, "")))
    return "\n".join(blocks)


def _toml_value(value: Value) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, (str, bool, int, float)):
        # JSON's forms of these are TOML's as well.
        return json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(map(_toml_value, value))}]"

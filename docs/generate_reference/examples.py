"""Example requests: of each service a file of JSON, by method."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "examples"


def examples_of(service: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns the example requests of a service by method, as protobuf's JSON has them.

    Raises FileNotFoundError of a service without any.
    """
    file = _FOLDER / f"{service.rpartition('.')[2]}.json"
    examples: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return examples


def example_text(service: str, method: str) -> str:
    """Returns the part of a page that shows a request."""
    request = json.dumps(examples_of(service)[method], indent=2, ensure_ascii=False)
    return f"**Example**\n\n```json\n{request}\n```\n"

"""Cases: a policy and a year of bills, made from a seed or written down."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .bills import history
from .policies import policy


@dataclass(frozen=True)
class Case:
    """A policy and bills as the files read; `name` is the seed or the folder."""

    name: str
    policy: dict[str, Any]
    bills: dict[str, Any]

    @property
    def policy_text(self) -> str:
        """The policy as its file."""
        return _text(self.policy)

    @property
    def bills_text(self) -> str:
        """The bills as their file."""
        return _text(self.bills)

    def save(self, folder: Path) -> Path:
        """Writes both files into a folder of the case's name."""
        where = folder / self.name
        where.mkdir(parents=True, exist_ok=True)
        (where / "policy.yaml").write_text(self.policy_text, encoding="utf-8")
        (where / "bills.yaml").write_text(self.bills_text, encoding="utf-8")
        return where


def case(seed: int) -> Case:
    """Returns the case of a seed, always the same."""
    chance = random.Random(seed)
    written = policy(chance)
    return Case(str(seed), written, history(chance, written))


def saved(folder: Path) -> Case:
    """Reads a case that was written down."""
    read = [
        yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        for name in ("policy.yaml", "bills.yaml")
    ]
    return Case(folder.name, *read)


class _Plain(yaml.SafeDumper):
    """Writes repeated values out, since policies may not have anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(written: dict[str, Any]) -> str:
    text: str = yaml.dump(
        written, Dumper=_Plain, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return text

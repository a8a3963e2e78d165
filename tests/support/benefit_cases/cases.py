"""Cases: a policy and a year of bills, made from a seed or written down."""

import functools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .bills import history
from .policies import policy

YEARS_OF_A_POLICY = 4


@dataclass(frozen=True)
class Case:
    """A policy and bills; `name` is the seed or the folder."""

    name: str
    policy_text: str
    bills: dict[str, Any]

    @property
    def bills_text(self) -> str:
        """The bills as their file."""
        return text_of(self.bills)

    def save(self, folder: Path) -> Path:
        """Writes both files into a folder of the case's name."""
        where = folder / self.name
        where.mkdir(parents=True, exist_ok=True)
        (where / "policy.yaml").write_text(self.policy_text, encoding="utf-8")
        (where / "bills.yaml").write_text(self.bills_text, encoding="utf-8")
        return where


def case(seed: int) -> Case:
    """Returns the case of a seed, always the same.

    Seeds that follow one another share a policy, since to read its file takes longer than to
    settle a year under it.
    """
    written, text = _policy(seed // YEARS_OF_A_POLICY)
    return Case(str(seed), text, history(random.Random(f"year {seed}"), written))


@functools.lru_cache(2)
def _policy(number: int) -> tuple[dict[str, Any], str]:
    written = policy(random.Random(f"policy {number}"))
    return written, text_of(written)


def saved(folder: Path) -> Case:
    """Reads a case that was written down."""
    text = (folder / "policy.yaml").read_text(encoding="utf-8")
    bills = yaml.safe_load((folder / "bills.yaml").read_text(encoding="utf-8"))
    return Case(folder.name, text, bills)


class _Plain(yaml.SafeDumper):
    """Writes repeated values out, since policies may not have anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text_of(written: dict[str, Any]) -> str:
    text: str = yaml.dump(
        written, Dumper=_Plain, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return text

"""How much one person and one party may hand in, so that nobody fills the database."""

from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most of each, as configured. Unused is what was handed in for nothing yet."""

    file_bytes: int
    open_of_person: int
    open_of_party: int
    bytes_of_person: int
    unused_bytes_of_party: int


class Load(NamedTuple):
    """What is there already: unfinished files and proposed waivers, and bytes as told."""

    open_of_person: int
    open_of_party: int
    bytes_of_person: int
    unused_bytes_of_party: int


def check_limits(load: Load, size_bytes: int, limits: Limits) -> None:
    """Refuses another file beyond what one person or party may have.

    Raises:
        RuleError: MATERIAL_LIMIT_REACHED; `limit` names which.
    """
    reached = {
        "open_of_person": (load.open_of_person + 1, limits.open_of_person),
        "open_of_party": (load.open_of_party + 1, limits.open_of_party),
        "bytes_of_person": (load.bytes_of_person + size_bytes, limits.bytes_of_person),
        "unused_bytes_of_party": (
            load.unused_bytes_of_party + size_bytes,
            limits.unused_bytes_of_party,
        ),
    }
    for name, (wanted, most) in reached.items():
        if wanted > most:
            raise RuleError(
                Reason.MATERIAL_LIMIT_REACHED,
                f"{name} would be {wanted}, at most {most}",
                limit=name,
                most=most,
            )

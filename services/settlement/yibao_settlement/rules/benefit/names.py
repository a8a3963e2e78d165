"""Names of lots and of amounts in policy files.

`total`, `PART`, `PART.GROUP`; `STEP.TAG`, `STEP.TAG.GROUP`. In a base a name means the
lots that carry it now, elsewhere the sum as the step left it.
"""

from typing import Final, NamedTuple

TOTAL: Final = "total"
ELIGIBLE: Final = "eligible"
FIRST_SELF_PAY: Final = "first_self_pay"
OVER_LIMIT: Final = "over_limit"
EXCLUDED: Final = "excluded"
# In the order in which lots of a bill lie.
PARTS: Final = (ELIGIBLE, FIRST_SELF_PAY, OVER_LIMIT, EXCLUDED)
# The group of all lines that no line group takes.
REST: Final = "rest"

# Another spelling of a name in files.
_SPELLED: Final = {"prepay": FIRST_SELF_PAY}


def spelled(name: str) -> str:
    """Returns a name as the engine has it: `prepay.a` -> `first_self_pay.a`."""
    first, point, rest = name.partition(".")
    return f"{_SPELLED.get(first, first)}{point}{rest}"


class Name(NamedTuple):
    """A name in its pieces; `step_id` is empty for parts, `group` for all groups."""

    step_id: str
    what: str
    group: str


def name_of(text: str) -> Name:
    """Returns the pieces of a name that the reader has let pass."""
    first, *rest = text.split(".")
    if first[0].isupper():
        return Name(first, rest[0], rest[1] if len(rest) > 1 else "")
    return Name("", first, rest[0] if rest else "")

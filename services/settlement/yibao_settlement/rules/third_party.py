"""Bills for which somebody else is liable, as was found after they were settled (P8).

What a third party, or the insurance of work injuries, has to bear is not borne by the funds
(Social Insurance Law, art. 30): all lines of the stay become own cost, which the person has of
whoever is liable.
"""

from collections.abc import Sequence

from yibao_settlement.rules.bill import NOTHING_PARTICULAR, LineParticulars
from yibao_settlement.rules.policy.split import OwnCost

Particulars = Sequence[LineParticulars | None]


def is_third_partys(particulars: Particulars, line_count: int) -> bool:
    """Tells whether a third party is liable for all lines of a bill of so many."""
    return len(particulars) == line_count > 0 and all(
        own is not None and own.own_cost == OwnCost.THIRD_PARTY for own in particulars
    )


def as_third_partys(particulars: Particulars, line_count: int) -> tuple[LineParticulars, ...]:
    """Returns what is particular to lines for which a third party is liable."""
    return tuple(
        [
            (own or NOTHING_PARTICULAR)._replace(own_cost=int(OwnCost.THIRD_PARTY))
            for own in particulars or [None] * line_count
        ]
    )

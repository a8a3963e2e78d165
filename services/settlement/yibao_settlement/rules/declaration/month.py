"""A month of an institution (月结算), declared by insurance type and clearing type.

Sums are those of the counters' acts: what is reversed, returned or corrected later is an act of
the month in which that is done.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class DeclarationState(enum.IntEnum):
    """Where a declaration is in its life (clr_stas), by the numbers of the contract."""

    DECLARED = 1
    ACCEPTED = 2
    # A payment with it is proposed or confirmed.
    ORDERED = 3
    PAID = 4
    WITHDRAWN = 5
    REJECTED = 6


class MonthOf(NamedTuple):
    """What is declared: a month of an institution, of an insurance type and a clearing type."""

    institution_id: str
    month: int
    insurance_type: str
    clearing_type: str


class MonthSums(NamedTuple):
    """What acts of a month come to, in fen; negative where more was taken back than settled."""

    act_count: int = 0
    total_fen: int = 0
    fund_total_fen: int = 0
    account_fen: int = 0
    cash_fen: int = 0

    def plus(self, other: "MonthSums") -> "MonthSums":
        """Returns the sum of both."""
        return MonthSums(*(one + more for one, more in zip(self, other, strict=True)))


class Declaration(NamedTuple):
    """A declared month. What stands behind `state` is None until it happened."""

    region: str
    declaration_id: str
    institution_id: str
    month: int
    insurance_type: str
    clearing_type: str
    act_count: int
    total_fen: int
    fund_total_fen: int
    account_fen: int
    cash_fen: int
    declared_by: str
    declare_time: dt.datetime
    state: DeclarationState = DeclarationState.DECLARED
    accepted_by: str | None = None
    accept_time: dt.datetime | None = None
    # Who withdrew or rejected it, why the latter, and when.
    ended_by: str | None = None
    end_time: dt.datetime | None = None
    end_reason: str | None = None

    @property
    def of(self) -> MonthOf:
        """What is declared."""
        return MonthOf(self.institution_id, self.month, self.insurance_type, self.clearing_type)

    @property
    def sums(self) -> MonthSums:
        """What its acts come to."""
        return MonthSums(
            self.act_count, self.total_fen, self.fund_total_fen, self.account_fen, self.cash_fen
        )


def check_sums(
    own: MonthSums, own_funds: Mapping[str, int], insurer: MonthSums, funds: Mapping[str, int]
) -> None:
    """Raises DECLARATION_SUMS_DIFFER, which names every sum that differs, of both sides."""
    pairs = {name: (getattr(own, name), getattr(insurer, name)) for name in MonthSums._fields} | {
        f"fund_{each}_fen": (own_funds.get(each, 0), funds.get(each, 0))
        for each in sorted({*own_funds, *funds})
    }
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if not differing:
        return
    told = ", ".join(
        f"{name} is {there} here and was declared as {declared}"
        for name, (declared, there) in differing.items()
    )
    metadata: dict[str, Any] = {}
    for name, (declared, there) in differing.items():
        metadata[name] = there
        metadata[f"declared_{name}"] = declared
    raise RuleError(Reason.DECLARATION_SUMS_DIFFER, told, **metadata)


def check_undeclared(standing: Declaration | None) -> None:
    """Raises DECLARATION_EXISTS where the month is declared with these types."""
    if standing is not None:
        raise RuleError(
            Reason.DECLARATION_EXISTS,
            f"declaration {standing.declaration_id} is of this month and these types",
            declaration_id=standing.declaration_id,
        )


def check_any_acts(of: MonthOf, sums: MonthSums) -> None:
    """Raises DECLARATION_EMPTY where nothing was done."""
    if not sums.act_count:
        raise RuleError(Reason.DECLARATION_EMPTY, f"no acts of {of.month}", month=str(of.month))


def check_state(declaration: Declaration, *states: DeclarationState) -> None:
    """Raises DECLARATION_STATE unless the declaration is in one of some states."""
    if declaration.state not in states:
        raise RuleError(
            Reason.DECLARATION_STATE,
            f"declaration {declaration.declaration_id} is {declaration.state.name}",
            declaration_id=declaration.declaration_id,
            state=declaration.state.name,
        )


def accepted(declaration: Declaration, *, by: str, now: dt.datetime) -> Declaration:
    """Returns a declaration accepted; raises DECLARATION_STATE."""
    check_state(declaration, DeclarationState.DECLARED)
    return declaration._replace(state=DeclarationState.ACCEPTED, accepted_by=by, accept_time=now)


def withdrawn(declaration: Declaration, *, by: str, now: dt.datetime) -> Declaration:
    """Returns a declaration withdrawn; raises DECLARATION_STATE once it is accepted."""
    check_state(declaration, DeclarationState.DECLARED)
    return declaration._replace(state=DeclarationState.WITHDRAWN, ended_by=by, end_time=now)


def rejected(
    declaration: Declaration, *, by: str, reason: str, is_deducted: bool, now: dt.datetime
) -> Declaration:
    """Returns a declaration rejected; raises DECLARATION_STATE, DEDUCTION_WAITS."""
    check_state(declaration, DeclarationState.DECLARED, DeclarationState.ACCEPTED)
    if is_deducted:
        raise deduction_waits(declaration.declaration_id)
    return declaration._replace(
        state=DeclarationState.REJECTED, ended_by=by, end_time=now, end_reason=reason
    )


def deduction_waits(declaration_id: str) -> RuleError:
    """Returns the refusal for a declaration with deductions that keep it as it is."""
    return RuleError(
        Reason.DEDUCTION_WAITS,
        f"declaration {declaration_id} has deductions",
        declaration_id=declaration_id,
    )


def declaration_not_found(declaration_id: str) -> RuleError:
    """Returns the refusal for what nobody declared, or another institution did."""
    return RuleError(
        Reason.DECLARATION_NOT_FOUND,
        f"no declaration {declaration_id}",
        declaration_id=declaration_id,
    )

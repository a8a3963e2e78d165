"""What the catalogue says of one item, for a person or an insurance type, on a day."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.catalogue import LEVELS, NO_LEVEL
from yibao_settlement.rules.catalogue_version.effective import Told
from yibao_settlement.rules.catalogue_version.row import person_type_of
from yibao_settlement.rules.enrolment import Enrolment, check_enrolled
from yibao_settlement.rules.token import check_form, hash_of

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class TokenHolder(NamedTuple):
    """Whom a token stands for: of which institution it is, until when, and the periods."""

    institution_id: str
    expire_time: dt.datetime
    enrolments: Sequence[Enrolment]


class ItemQuestion(NamedTuple):
    """What is asked: for the holder of a token or, without one, an insurance type.

    `institution_level` is empty where it is the caller's.
    """

    item_code: str
    day: dt.date
    token: str
    insurance_type: str
    institution_level: str
    unit_price: str


class ItemAnswer(NamedTuple):
    """What the catalogue says; a share of None is the policy's for the class."""

    item: CatalogueItem
    told: Told
    insurance_type: str
    institution_level: str
    first_self_pay_ratio_ppm: int | None
    price_ceiling: str


class LookingUp:
    """Looks items up. Blocks; keeps nothing, and uses no token up."""

    def __init__(self, transactions: "Transactions[Work]", reads: Reads, *, clock: Clock) -> None:
        """Takes what is read of."""
        self._transactions = transactions
        self._reads = reads
        self._clock = clock

    def look_up(self, region: str, asked: ItemQuestion, caller: Caller) -> ItemAnswer:
        """Returns what the catalogue says of an item.

        Raises:
            RuleError: faults of the question, TOKEN_MALFORMED, TOKEN_OTHER_REGION,
                TOKEN_NOT_FOUND, TOKEN_EXPIRED, PERSON_NOT_ENROLLED, CATALOGUE_ITEM_UNKNOWN; in
                this order.
        """
        reference = self._reads.reference(region, {asked.item_code})
        own = reference.institution(caller.institution_id) if caller.institution_id else None
        level = asked.institution_level or (own.institution_level if own else "")
        _check_question(asked, level)
        with self._transactions.read(region) as work:
            insurance_type = asked.insurance_type
            if asked.token:
                insurance_type = self._insurance_type(work, region, asked, caller)
            item = reference.item(asked.item_code, asked.day)
            if item is None:
                raise RuleError(
                    Reason.CATALOGUE_ITEM_UNKNOWN,
                    f"item {asked.item_code} is not in the catalogue on {asked.day.isoformat()}",
                    item_code=asked.item_code,
                )
            told = work.catalogue_versions.told(item) if item.version_number else Told()
        share = item.first_self_pay_ratio_ppm
        if item.shares:
            share = item.share_of(person_type_of(insurance_type), asked.unit_price or "0")
        return ItemAnswer(item, told, insurance_type, level, share, item.ceiling_at(level))

    def _insurance_type(
        self, work: "Work", region: str, asked: ItemQuestion, caller: Caller
    ) -> str:
        check_form(asked.token, region=region)
        holder = work.catalogue_versions.holder_of(hash_of(asked.token))
        if holder is None or holder.institution_id != caller.institution_id:
            raise RuleError(Reason.TOKEN_NOT_FOUND, "no such token of the institution")
        if self._clock() >= holder.expire_time:
            raise RuleError(
                Reason.TOKEN_EXPIRED,
                "the token's minutes are over",
                expire_time=holder.expire_time.isoformat(),
            )
        return check_enrolled(holder.enrolments, on=asked.day).insurance_type


def _check_question(asked: ItemQuestion, level: str) -> None:
    faults = []
    if asked.token and asked.insurance_type:
        told = "stands not beside a token"
        faults.append(FieldFault("insurance_type", Reason.FIELD_OUT_OF_RANGE, told))
    if not asked.token and not asked.insurance_type:
        told = "is required, or credential_token"
        faults.append(FieldFault("insurance_type", Reason.FIELD_REQUIRED, told))
    if not level:
        told = "is required of who is no institution of the region"
        faults.append(FieldFault("institution_level", Reason.FIELD_REQUIRED, told))
    elif level not in LEVELS:
        faults.append(FieldFault("institution_level", Reason.FIELD_OUT_OF_RANGE, NO_LEVEL))
    refuse_faults(faults)

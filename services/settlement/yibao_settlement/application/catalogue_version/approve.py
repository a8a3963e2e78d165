"""Putting a version of a list in force: what bills are settled by is made of it."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue_version.bring import audit_detail
from yibao_settlement.application.catalogue_version.rows import CatalogueVersionRows, KeyPlace
from yibao_settlement.rules.catalogue import classes_asked_of_items
from yibao_settlement.rules.catalogue_version.effective import (
    EffectiveItem,
    OfCode,
    codes_of,
    effective_rows,
    is_nothing,
    same_effect,
)
from yibao_settlement.rules.catalogue_version.row import (
    BY_INSURANCE_CODE,
    BY_ITEM,
    DICTIONARIES,
    Layer,
    person_type_of,
)
from yibao_settlement.rules.catalogue_version.timeline import SaidRow, Timeline, timeline_of
from yibao_settlement.rules.catalogue_version.version import (
    CatalogueVersion,
    approved,
    check_approvable,
    version_unknown,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# So many keys are made rows of at once; memory holds no more.
_KEYS_AT_ONCE = 2_000
# How many items a refusal names.
_NAMED_MAX = 20

EncodeApproval = Callable[[CatalogueVersion, int], bytes]


@dataclass(frozen=True, slots=True)
class ApproveVersion:
    """Puts a submitted version in force."""

    request: Request
    version_id: str
    decides_past_days: bool


class Approving:
    """What checkers ask of versions. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def approve(self, command: ApproveVersion, encode: EncodeApproval) -> bytes:
        """Puts a version in force once by request id and returns the answer's bytes.

        All in one transaction: nobody settles by half a version.

        Raises:
            RuleError: CATALOGUE_VERSION_UNKNOWN, CATALOGUE_VERSION_STATE,
                SAME_MAKER_AND_CHECKER, CATALOGUE_VERSION_OVERTAKEN, CATALOGUE_PAST_DAYS,
                CATALOGUE_SHARE_MISSING, REQUEST_ID_REUSED; in this order, but the last one first.
        """

        def decide(work: "Work") -> bytes:
            # First, because it locks the region: of two approvals one waits for the other.
            work.reference.raise_epoch()
            rows, request = work.catalogue_versions, command.request
            version = rows.find(command.version_id, for_update=True)
            if version is None:
                raise version_unknown(command.version_id)
            now = self._clock()
            check_approvable(
                version,
                checker=request.caller.path,
                layer_number=rows.newest_number(version.layer),
                decides_past_days=command.decides_past_days,
                now=now,
            )
            number = rows.newest_number() + 1
            in_force = approved(
                version, version_number=number, checker=request.caller.path, now=now
            )
            changed = 0
            if version.layer not in DICTIONARIES:
                changed = _make_effective(rows, in_force)
                _check_shares(work, in_force)
            rows.update(in_force)
            detail = {**audit_detail(in_force), "changed_items": str(changed)}
            work.audit.add(entry_of(request, at=now, subject_ids=(), detail=detail))
            return encode(in_force, changed)

        return self._transactions.once(command.request, decide)


def _make_effective(rows: CatalogueVersionRows, version: CatalogueVersion) -> int:
    """Stores the rows that a version makes bills be settled by; returns of how many items.

    Before the first day of its insurance list, nothing in a region is settled by its other
    lists: what is on none would be everybody's own cost.
    """
    first_day = rows.first_day(Layer.INSURANCE)
    is_first = version.layer is Layer.INSURANCE and (
        first_day is None or version.start_date < first_day
    )
    if is_first:
        first_day = version.start_date
    if first_day is None:
        return 0
    since = max(first_day, version.start_date)
    used = [
        layer
        for layer in (*BY_ITEM, *BY_INSURANCE_CODE)
        if layer is version.layer or rows.newest_number(layer)
    ]
    done: set[str] = set()
    changed = 0
    for codes in _item_codes(rows, version, is_first=is_first):
        # An item is met again where it is mapped to several codes.
        wanted = [code for code in codes if code not in done]
        done.update(wanted)
        making = _Making(rows, version, wanted, used)
        made = list(making.all_rows(since) if is_first else making.changed_rows(since))
        changed += len(made)
        rows.put_effective([row for own in made for row in own])
    return changed


def _item_codes(
    rows: CatalogueVersionRows, version: CatalogueVersion, *, is_first: bool
) -> Iterator[Sequence[str]]:
    """Yields the items that a version may change, some thousand at once."""
    after: KeyPlace | None = None
    while keys := rows.keys(version.version_id, after=after, limit=_KEYS_AT_ONCE):
        after = keys[-1]
        codes = {key.code for key in keys}
        yield sorted(codes if version.layer in BY_ITEM else codes.union(rows.items_of(codes)))
    for layer in BY_ITEM if is_first else ():
        last = ""
        while found := rows.codes_said(layer, after=last, limit=_KEYS_AT_ONCE):
            last = found[-1]
            yield found


class _Making:
    """Makes the rows of some items of what all versions say, the one to be approved too."""

    def __init__(
        self,
        rows: CatalogueVersionRows,
        version: CatalogueVersion,
        item_codes: Sequence[str],
        used: Collection[Layer],
    ) -> None:
        """Reads what is said of the items in the layers that are used."""
        self._number = version.version_number
        self._item_codes = item_codes
        by_layer = {
            layer: rows.said(layer, item_codes, beside=version)
            for layer in BY_ITEM
            if layer in used
        }
        insurance_codes: set[str] = set(item_codes)
        for said in by_layer.get(Layer.MAPPING, {}).values():
            for each in said[""]:
                if each.row.content is not None:
                    insurance_codes.add(each.row.content.insurance_code)
        for layer in BY_INSURANCE_CODE:
            if layer in used:
                by_layer[layer] = rows.said(layer, insurance_codes, beside=version)
        self._by_layer = by_layer

    def all_rows(self, since: dt.date) -> Iterator[Sequence[EffectiveItem]]:
        """Yields the rows of each item that is in the catalogue on some day from `since` on."""
        for code in self._item_codes:
            made = self._rows(code, since, without=None)
            if not is_nothing(made):
                yield made

    def changed_rows(self, since: dt.date) -> Iterator[Sequence[EffectiveItem]]:
        """Yields the rows of each item that the version has settle otherwise."""
        for code in self._item_codes:
            made = self._rows(code, since, without=None)
            if not same_effect(self._rows(code, since, without=self._number), made):
                yield made

    def _rows(self, code: str, since: dt.date, *, without: int | None) -> list[EffectiveItem]:
        layers = {code: _of_code(self._by_layer, code, without)}
        for other in codes_of(code, layers[code]) - {code}:
            layers[other] = _of_code(self._by_layer, other, without)
        return effective_rows(code, layers, since=since, version_number=self._number)


def _of_code(
    by_layer: Mapping[Layer, Mapping[str, Mapping[str, Sequence[SaidRow]]]],
    code: str,
    without: int | None,
) -> OfCode:
    """Returns the timelines of a code; `without` is a version that is left out."""
    found: dict[Layer, Mapping[str, Timeline]] = {}
    for layer, said in by_layer.items():
        by_subkey = said.get(code)
        if by_subkey is None:
            continue
        of_layer: dict[str, Timeline] = {}
        for subkey, rows in by_subkey.items():
            if without is not None:
                rows = [each for each in rows if each.version_number != without]
            if rows:
                of_layer[subkey] = timeline_of(rows)
        if of_layer:
            found[layer] = of_layer
    return found


def _check_shares(work: "Work", version: CatalogueVersion) -> None:
    """Raises CATALOGUE_SHARE_MISSING where a policy in force asks items for what they lack."""
    since = version.start_date
    for dated in work.reference.policies():
        classes = classes_asked_of_items(dated.policy)
        if not classes or (dated.end_date is not None and dated.end_date < since):
            continue
        found = work.catalogue_versions.without_share(
            classes,
            person_type=person_type_of(dated.policy.insurance_type),
            start_date=max(since, dated.start_date),
            end_date=dated.end_date,
            version_number=version.version_number,
            most=_NAMED_MAX,
        )
        if found:
            raise RuleError(
                Reason.CATALOGUE_SHARE_MISSING,
                f"policy {dated.policy.version} takes shares from items without one: "
                f"{', '.join(found)}",
                policy_version=dated.policy.version,
                item_codes=",".join(found),
            )

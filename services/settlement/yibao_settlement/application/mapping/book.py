"""Institutions' lists of own codes: uploaded, decided on, cancelled, listed and checked."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError, refusal_of, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.mapping.rows import MappingWish
from yibao_settlement.rules.bill import CatalogueItem, item_on
from yibao_settlement.rules.mapping import (
    Act,
    Checked,
    CheckedMapping,
    CodeMapping,
    MappingRow,
    MappingState,
    cancelled,
    check_mapping,
    decided,
    has_room,
    mapping_on,
    no_room,
    row_faults,
    same_row,
    sent_conflict,
    stored_conflict,
)
from yibao_settlement.rules.visit import check_known

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# Institutions that the record of a decision names.
_MOST_NAMED = 20

Items = Mapping[str, Sequence[CatalogueItem]]
Stored = Mapping[tuple[str, str], Sequence[CodeMapping]]


class SentMapping(NamedTuple):
    """A row of an upload and what is wrong with its form; see `SentRow`."""

    row: MappingRow
    form_faults: Sequence[FieldFault] = ()
    form_total: int = 0


class UploadMappings(NamedTuple):
    """Maps own codes of the caller's institution."""

    request: Request
    rows: Sequence[SentMapping]
    # Whether the region's agency decides on them.
    is_reviewed: bool
    # Takes, row by row, the mapping or why there is none.
    encode: Callable[[Sequence[CodeMapping | RuleError], int], bytes]


class CancelMapping(NamedTuple):
    """Cancels a mapping: of the own institution, an agency any."""

    request: Request
    mapping_id: str
    last_date: dt.date | None
    reason: str
    encode: Callable[[CodeMapping], bytes]


class DecideMappings(NamedTuple):
    """Approves or rejects mappings that wait for it."""

    request: Request
    mapping_ids: Sequence[str]
    is_approved: bool
    reason: str
    # Takes, mapping by mapping, what became of it or why nothing did.
    encode: Callable[[Sequence[CodeMapping | RuleError]], bytes]


class MappingBook:
    """The lists of own codes, each call answered once by its request id. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def upload(self, command: UploadMappings) -> bytes:
        """Stores the rows without a fault and returns the answer's bytes.

        Raises RuleError INSTITUTION_NOT_DESIGNATED, REQUEST_ID_REUSED.
        """
        request = command.request
        institution_id = request.caller.own_institution()

        def decide(work: "Work") -> bytes:
            institutions = work.institutions.find([institution_id])
            check_known(institutions.get(institution_id), institution_id)
            work.mappings.lock(institution_id)
            rows = [each.row for each in command.rows]
            codes = _well_formed(command.rows, "provider_item_code")
            stored = work.mappings.of_codes(institution_id, codes)
            items = work.mappings.items(_well_formed(command.rows, "item_code"))
            refusals = _refusals(command.rows, stored, items, institution_id)
            now = self._clock()
            state = MappingState.PENDING if command.is_reviewed else MappingState.IN_FORCE
            outcomes: list[CodeMapping | RuleError] = []
            new: list[CodeMapping] = []
            for row, refusal in zip(rows, refusals, strict=True):
                if refusal is not None:
                    outcomes.append(refusal)
                    continue
                known = same_row(row, stored.get((institution_id, row.provider_item_code), ()))
                if known is None:
                    uploaded = Act(now, request.caller.path)
                    known = CodeMapping(self._ids(), institution_id, row, state, uploaded)
                    new.append(known)
                outcomes.append(known)
            work.mappings.insert(new)
            refused = sum(refusal is not None for refusal in refusals)
            detail = {"rows": str(len(new)), "digest": request.digest.hex()}
            if refused:
                detail["refused"] = str(refused)
            work.audit.add(entry_of(request, at=now, subject_ids=(), detail=detail))
            return command.encode(outcomes, len(new))

        return self._transactions.once(request, decide)

    def cancel(self, command: CancelMapping) -> bytes:
        """Cancels a mapping and returns the answer's bytes.

        Raises RuleError MAPPING_NOT_FOUND, MAPPING_STATE, FIELD_OUT_OF_RANGE, REQUEST_ID_REUSED.
        """
        request = command.request

        def decide(work: "Work") -> bytes:
            mapping = _locked(work, command.mapping_id, request.caller)
            now = self._clock()
            act = Act(now, request.caller.path, command.reason)
            mapping = cancelled(mapping, act, last_date=command.last_date)
            work.mappings.update([mapping])
            detail = {"reason": command.reason, "item_code": mapping.row.item_code}
            if command.last_date is not None:
                detail["last_date"] = command.last_date.isoformat()
            detail["institution"] = mapping.institution_id
            subject_ids = (mapping.mapping_id,)
            work.audit.add(entry_of(request, at=now, subject_ids=subject_ids, detail=detail))
            return command.encode(mapping)

        return self._transactions.once(request, decide)

    def decide(self, command: DecideMappings) -> bytes:
        """Decides on mappings, each on its own, and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED.
        """
        request = command.request

        def decide(work: "Work") -> bytes:
            found = work.mappings.find(command.mapping_ids)
            # In one order, so that no two wait for each other.
            for institution_id in sorted({each.institution_id for each in found.values()}):
                work.mappings.lock(institution_id)
            # Under the locks: what others did until then is seen.
            known = dict(work.mappings.find(command.mapping_ids))
            act = Act(self._clock(), request.caller.path, command.reason)
            outcomes: list[CodeMapping | RuleError] = []
            for mapping_id in command.mapping_ids:
                try:
                    mapping = known.get(mapping_id)
                    if mapping is None:
                        raise mapping_not_found(mapping_id)
                    known[mapping_id] = decided(mapping, act, is_approved=command.is_approved)
                    outcomes.append(known[mapping_id])
                except RuleError as refusal:
                    outcomes.append(refusal)
            changed = [each for each in outcomes if isinstance(each, CodeMapping)]
            work.mappings.update(changed)
            detail = {
                "decided": str(len(changed)),
                "is_approved": str(command.is_approved).lower(),
                "digest": request.digest.hex(),
            }
            institutions = {each.institution_id for each in changed}
            detail["institutions"] = ",".join(sorted(institutions)[:_MOST_NAMED])
            work.audit.add(entry_of(request, at=act.time, subject_ids=(), detail=detail))
            return command.encode(outcomes)

        return self._transactions.once(request, decide)

    def listed(
        self, region: str, wish: MappingWish, *, after: str | None, limit: int
    ) -> Sequence[CodeMapping]:
        """Returns at most `limit` mappings, the one uploaded first at the head."""
        with self._transactions.read(region) as work:
            return work.mappings.listed(wish, after=after, limit=limit)

    def check(
        self, region: str, institution_id: str, checked: Sequence[Checked]
    ) -> list[CheckedMapping]:
        """Returns what own codes mean on their days, and what is wrong with that."""
        with self._transactions.read(region) as work:
            institution = work.institutions.find([institution_id]).get(institution_id)
            level = check_known(institution, institution_id).institution_level
            codes = {each.provider_item_code for each in checked}
            stored = work.mappings.of_codes(institution_id, codes)
            items = work.mappings.items(
                {each.row.item_code for some in stored.values() for each in some}
            )
        found = []
        for each in checked:
            mappings = stored.get((institution_id, each.provider_item_code), ())
            mapping = mapping_on(mappings, each.charge_date)
            item = None
            if mapping is not None:
                item = item_on(items.get(mapping.row.item_code, ()), each.charge_date)
            found.append(check_mapping(each, mappings, item, institution_level=level))
        return found


def mapping_not_found(mapping_id: str) -> RuleError:
    """Returns the refusal for a mapping that is not there, or of another institution."""
    return RuleError(Reason.MAPPING_NOT_FOUND, f"no mapping {mapping_id}", mapping_id=mapping_id)


def check_decision(*, is_approved: bool, reason: str) -> None:
    """Raises FIELD_REQUIRED where mappings are rejected and nothing is said why."""
    if not is_approved and not reason:
        refuse_faults([FieldFault("reason", Reason.FIELD_REQUIRED, "is required to reject")])


def _locked(work: "Work", mapping_id: str, caller: Caller) -> CodeMapping:
    """Returns a mapping under the lock of its institution's list."""
    found: Collection[CodeMapping] = work.mappings.find([mapping_id]).values()
    for mapping in found:
        # Another institution's is not told apart from none.
        if caller.institution_id in (None, mapping.institution_id):
            work.mappings.lock(mapping.institution_id)
            return work.mappings.find([mapping_id])[mapping_id]
    raise mapping_not_found(mapping_id)


def _well_formed(sent: Sequence[SentMapping], field: str) -> set[str]:
    """Returns the values of a field that can be asked for: others may be of no database."""
    return {
        getattr(row, field)
        for row, faults, total in sent
        if total <= len(faults) and not any(fault.field == field for fault in faults)
    }


def _refusals(
    sent: Sequence[SentMapping], stored: Stored, items: Items, institution_id: str
) -> list[RuleError | None]:
    """Returns why each row is refused, with every fault of it at once."""
    places: dict[str, list[int]] = {}
    for place, each in enumerate(sent):
        if not any(fault.field == "provider_item_code" for fault in each.form_faults):
            places.setdefault(each.row.provider_item_code, []).append(place)
    full = {
        code
        for code, of_code in places.items()
        if not has_room(
            [sent[each].row for each in of_code], stored.get((institution_id, code), ())
        )
    }
    refusals = []
    for place, (row, form_faults, form_total) in enumerate(sent):
        faults = list(form_faults)
        malformed = {fault.field for fault in faults}
        untold = max(form_total - len(faults), 0)
        if not untold:
            item = item_on(items.get(row.item_code, ()), row.start_date)
            faults += [each for each in row_faults(row, item) if each.field not in malformed]
        if not malformed & {"provider_item_code", "start_date", "end_date"}:
            code = row.provider_item_code
            mappings = stored.get((institution_id, code), ())
            if code in full:
                faults += [] if same_row(row, mappings) else [no_room()]
            else:
                others = [(each, sent[each].row) for each in places[code] if each != place]
                faults += _conflicts(row, mappings, others)
        refusals.append(refusal_of(faults, total=len(faults) + untold))
    return refusals


def _conflicts(
    row: MappingRow,
    mappings: Sequence[CodeMapping],
    others: Sequence[tuple[int, MappingRow]],
) -> list[FieldFault]:
    """Returns what else has days of a row (M1): a mapping that stands, other rows beside it."""
    field, reason = "provider_item_code", Reason.MAPPING_CONFLICT
    faults = []
    stored = None if same_row(row, mappings) else stored_conflict(row, mappings)
    if stored is not None:
        message = (
            f"is mapped to {stored.row.item_code} from {stored.row.start_date.isoformat()} on "
            f"by {stored.mapping_id}"
        )
        faults.append(FieldFault(field, reason, message))
    beside = [place for place, other in others if sent_conflict(row, other)]
    if beside:
        listed = ", ".join(f"[{place}]" for place in beside[:10])
        faults.append(FieldFault(field, reason, f"the rows {listed} have days of it too"))
    return faults

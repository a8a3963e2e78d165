"""A batch's transaction: what it locks and reads, and what it writes.

First the persons concerned are found, then their standings are locked in the order of
their ids, and only then everything that commands could change is read, by statements of
their own: under READ COMMITTED a later statement sees what the lock's last holder wrote,
a join in the locking statement would not.
"""

import contextlib
from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from yibao_common.db.audit_chain import record_audit
from yibao_common.db.batcher import OwnBatchError
from yibao_common.db.database import Database
from yibao_common.db.rows import Now, Select, execute
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.needs import Needs, united
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.period.month import PostingFence
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import drop_standings, lock_standings, read_years
from yibao_settlement.storage.batch.answer import read_answers
from yibao_settlement.storage.batch.found import Found, sights_of, with_other_years
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.batch.writing import writes_of
from yibao_settlement.storage.charge import read_charges
from yibao_settlement.storage.credential.reading import read_credentials
from yibao_settlement.storage.credit.loading import read_credits
from yibao_settlement.storage.difference.loading import read_differences
from yibao_settlement.storage.elsewhere.reading import (
    care_expected,
    read_audit_holds,
    read_elsewhere,
)
from yibao_settlement.storage.enrolment import read_counted, read_enrolments
from yibao_settlement.storage.family.loading import check_locked
from yibao_settlement.storage.family.record import read_paid
from yibao_settlement.storage.hold.loading import find_holders, may_leave, read_holds
from yibao_settlement.storage.hold.requests import read_hold_requests, with_holds_of_requests
from yibao_settlement.storage.ledger.posting import read_postings
from yibao_settlement.storage.mapping.record import items_of, read_mappings
from yibao_settlement.storage.merge import survivors_of
from yibao_settlement.storage.outcome.find import find_asked
from yibao_settlement.storage.override.record import find_overrides
from yibao_settlement.storage.presentation import read_codes
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.repair.record import find_repairs
from yibao_settlement.storage.repricing.person import find_repriced_persons
from yibao_settlement.storage.resolution import read_described
from yibao_settlement.storage.review.record import read_reviews
from yibao_settlement.storage.settlement.leaving import LongHistoriesError, read_histories
from yibao_settlement.storage.settlement.record import read_settlements
from yibao_settlement.storage.settlement.standing import read_returned, read_standing_bills
from yibao_settlement.storage.settlement.window import read_windows
from yibao_settlement.storage.token.record import read_tokens, with_codes_of_tokens
from yibao_settlement.storage.visit import (
    read_merged,
    read_seen_visits,
    read_visits,
    see_merged_records,
)


class SettlementTransactions:
    """Begins the transactions of the settlement service's batches."""

    def __init__(
        self, database: Database, reference: ReferenceCache, *, most_later: int | None = None
    ) -> None:
        """Takes the database and the reference data kept of it.

        Commands by which more than `most_later` bills of a person are decided again, or four times
        as many of all persons, counted by their lines, are to have a batch of their own.
        """
        self._database = database
        self._reference = reference
        self._most_later = most_later

    @contextlib.contextmanager
    def begin(self, region: str, clock: Clock | None) -> Iterator["_Transaction"]:
        """Gives a transaction that commits durably when the block ends without error."""
        with self._database.write() as connection:
            yield _Transaction(connection, self._reference, region, clock, self._most_later)


class _Transaction:
    """One batch in one region."""

    def __init__(
        self,
        connection: sa.Connection,
        reference: ReferenceCache,
        region: str,
        clock: Clock | None,
        most_later: int | None,
    ) -> None:
        self._connection = connection
        self._reference = reference
        self._region = region
        self._clock = clock
        self._most_later = most_later
        # Persons whose standing this transaction inserted, to have a row to lock.
        self._new_person_ids: set[str] = set()

    def load(self, commands: Sequence[Command], also: Collection[str] = ()) -> WorkingSet:
        """Locks the standing of every person concerned, then reads the rest."""
        needs = united(command.needs() for command in commands)
        needs = with_holds_of_requests(self._connection, self._region, needs)
        needs = with_codes_of_tokens(self._connection, self._region, needs)
        found = self._find(needs)
        if also:
            self._add_relatives(found, also)
        standings, self._new_person_ids = lock_standings(
            self._connection, self._region, found.person_ids
        )
        if any(standings[each].merged_into for each in found.survivors.values()):
            raise TransientError("the account moved on while it was waited for")
        self._add_survivors(found, standings)
        # Only statements from here on see what the last holder of the locks wrote.
        request_ids = {command.request.request_id for command in commands} - {""}
        wanted = Wanted(
            self._region,
            needs,
            request_ids,
            found.person_ids,
            found.holders,
            found.stay_person_ids,
            found.sights,
            found.held_visit_ids,
        )
        working_set = self._read(wanted, found, standings)
        known_ids = self._read_histories(working_set, wanted, commands)
        # Behind histories: what is left of returned bills is known by then, and not taken twice.
        if needs.difference_person_ids or needs.due_person_ids:
            read_differences(self._connection, working_set, wanted)
        check_locked(working_set, wanted)
        if working_set.family.givers:
            read_paid(self._connection, working_set)
        self._read_behind(working_set, wanted, known_ids)
        return working_set

    def _read_behind(
        self, working_set: WorkingSet, wanted: Wanted, known_ids: Collection[str]
    ) -> None:
        """Reads what only the bills and visits that were read tell to ask for."""
        reads: list[Read] = []
        if wanted.needs.reviewed_visit_ids:
            reads.append(read_returned(working_set))
        if working_set.reference.has_counted:
            reads.append(read_counted(wanted))
        if working_set.opens_windows:
            reads += read_windows(self._connection, working_set, wanted, known_ids=known_ids)
        for read, rows in zip(
            reads, execute(self._connection, [read.select for read in reads]), strict=True
        ):
            read.keep(working_set, rows)

    def _read_histories(
        self, working_set: WorkingSet, wanted: Wanted, commands: Sequence[Command]
    ) -> Collection[str]:
        """Reads the bills behind those that may leave; see `read_histories`.

        Raises OwnBatchError where so many stand behind a bill that a command names, that others
        would wait for it. Behind a hold that ran out, whoever comes first has to wait.
        """
        if not (wanted.needs.leaving_settlement_ids or may_leave(working_set, wanted)):
            return ()
        stored = (self._connection, working_set, wanted, self._reference)
        try:
            return read_histories(*stored, most_later=self._most_later)
        except LongHistoriesError as error:
            places = [place for place, each in enumerate(commands) if _names(each, error.ids)]
            if places:
                raise OwnBatchError(places) from error
            return read_histories(*stored)

    def _add_relatives(self, found: Found, also: Collection[str]) -> None:
        """Adds who pays for others or, since a merge, holds the account; each as `treated`."""
        merged = survivors_of(self._connection, self._region, set(also))
        found.survivors.update({each: merged.get(each, each) for each in also})
        found.person_ids.update(also, merged.values())

    def _add_survivors(self, found: Found, standings: dict[str, Standing]) -> None:
        """Locks and adds who stands in the place of visits' persons that were merged.

        There are next to none, so that they are asked for only once a lock has shown one.
        They are locked after the others and not in the order of all ids: where two batches
        wait for each other, one is run again.
        """
        merged = {each for each in found.visitor_ids if standings[each].merged_into is not None}
        if not merged:
            return
        survivors = survivors_of(self._connection, self._region, merged)
        more, new_person_ids = lock_standings(
            self._connection, self._region, set(survivors.values()) - standings.keys()
        )
        standings.update(more)
        self._new_person_ids |= new_person_ids
        for retired_id, survivor_id in survivors.items():
            # One that was merged in turn, while it was waited for, is told as such.
            if standings[survivor_id].merged_into is None:
                found.survivors[retired_id] = survivor_id
                found.person_ids.add(survivor_id)

    def store(self, working_set: WorkingSet) -> None:
        """Writes what the commands changed, and nothing of those that were refused."""
        unchanged = self._new_person_ids - working_set.changes.person_ids
        drop_standings(self._connection, self._region, unchanged)
        execute(self._connection, writes_of(working_set))
        record_audit(self._connection, tables.audit, *working_set.audit.entries)

    def _find(self, needs: Needs) -> Found:
        def select(table: sa.Table, key: str, among: frozenset[str], *columns: str) -> Select:
            return Select(table, (key, "person_id", *columns), self._region, key, tuple(among))

        visits, subjects, settled = execute(
            self._connection,
            [
                select(
                    tables.visit,
                    "visit_id",
                    frozenset(needs.visit_ids),
                    *("care_type", "start_date", "institution_id", "place_region"),
                ),
                select(tables.credential, "subject", frozenset(needs.holder_subjects)),
                select(
                    tables.settlement,
                    "settlement_id",
                    frozenset(needs.settlement_ids),
                    "benefit_year",
                ),
            ],
        )
        treated = {person_id for _, person_id, _ in settled}
        held_visit_ids: set[str] = set()
        if needs.hold_ids:
            # Holds that had ended by the merge keep who held the account until then.
            held = find_holders(self._connection, self._region, needs.hold_ids)
            treated |= held[0]
            held_visit_ids = held[1]
        merged = survivors_of(self._connection, self._region, treated)
        survivors = {each: merged.get(each, each) for each in treated}
        holders: dict[str, str] = dict(subjects)
        visitor_ids = {person_id for _, person_id, *_ in visits}
        person_ids = set(visitor_ids)
        person_ids.update(holders.values(), needs.person_ids, survivors, survivors.values())
        stay_person_ids = {holders[each] for each in needs.stay_subjects if each in holders}
        stay_person_ids.update(
            person_id for visit_id, person_id, *_ in visits if visit_id in needs.stay_visit_ids
        )
        stay_person_ids.update(
            person_id for each, person_id, _ in settled if each in needs.stay_settlement_ids
        )
        years = {year for _, _, year in settled}
        billed = [visit[1:4] for visit in visits if visit[0] in needs.reviewed_visit_ids]
        elsewhere = {visit_id: at for visit_id, *_, at, place in visits if place is not None}
        persons = (person_ids, visitor_ids, holders, survivors)
        sights = sights_of(billed)
        return Found(*persons, years, stay_person_ids, sights, held_visit_ids, elsewhere)

    def _read(self, wanted: Wanted, found: Found, standings: dict[str, Standing]) -> WorkingSet:
        years = found.benefit_years.union(wanted.needs.benefit_years)
        reads = [
            *read_settlements(wanted),
            read_standing_bills(self._region, wanted.needs.visit_ids),
            *read_visits(wanted),
            *read_seen_visits(wanted),
            *(each(wanted) for each in (read_audit_holds, read_merged, read_reviews)),
            *read_charges(wanted),
            *read_enrolments(wanted),
            read_credentials(wanted),
            read_answers(wanted),
            read_codes(wanted),
            *read_tokens(wanted),
            read_described(wanted),
            read_postings(wanted),
            read_hold_requests(wanted),
            read_years(wanted, with_other_years(standings, years)),
        ]
        epoch = wanted.select(tables.reference_epoch, ("epoch",), "region", (self._region,))
        fence = wanted.select(tables.posting_fence, PostingFence._fields, "region", (self._region,))
        expected = care_expected(wanted, found, self._reference)
        care = expected.selects(self._region)
        times, epochs, fences, *rows = execute(
            self._connection, [Now(), epoch, fence, *care, *(read.select for read in reads)]
        )
        care_rows, rows = rows[: len(care)], rows[len(care) :]
        now = times[0][0] if self._clock is None else self._clock()
        posting_fence = PostingFence(*fences[0]) if fences else PostingFence()
        working_set = WorkingSet(
            region=self._region,
            # Taken after the wait for the locks, as all that decides is.
            now=posting_fence.time(now),
            reference=self._reference.view(
                self._connection,
                self._region,
                wanted.needs.item_codes,
                epoch=epochs[0][0] if epochs else 0,
            ),
            standings=standings,
            persons_by_subject=found.holders,
            survivors=found.survivors,
            # Read by a transaction that writes: a fold waits for its end, and so does who ends
            # a month.
            posting_fence=posting_fence.posting_id,
        )
        for read, its_rows in zip(reads, rows, strict=True):
            read.keep(working_set, its_rows)
        its_care = (expected, care_rows)
        read_elsewhere(self._connection, working_set, wanted, self._reference, its_care)
        if working_set.charges or wanted.needs.own_codes:
            read_mappings(self._connection, working_set, wanted)
            self._view_charged_items(working_set)
        if wanted.stay_person_ids:
            self._read_stays(working_set, wanted)
        see_merged_records(self._connection, working_set, wanted)
        self._read_seen_bills(working_set, wanted)
        read_holds(self._connection, working_set, wanted)
        read_credits(self._connection, working_set, wanted)
        self._read_named(working_set, wanted)
        return working_set

    def _read_named(self, working_set: WorkingSet, wanted: Wanted) -> None:
        """Reads what few commands name, each kind by a look-up of its own."""
        if wanted.needs.repair_ids:
            ids = sorted(wanted.needs.repair_ids)
            working_set.repairs.known = find_repairs(self._connection, self._region, ids)
        if wanted.needs.override_ids:
            ids = sorted(wanted.needs.override_ids)
            working_set.overrides.known = find_overrides(self._connection, self._region, ids)
        if wanted.needs.asked_requests:
            asked = wanted.needs.asked_requests
            working_set.asked = find_asked(self._connection, self._region, asked)
        if wanted.needs.repriced_persons:
            keys = wanted.needs.repriced_persons
            found_persons = find_repriced_persons(self._connection, self._region, keys)
            working_set.repriced.known = found_persons

    def _view_charged_items(self, working_set: WorkingSet) -> None:
        """Has the items of lines with ids or own codes, which are known only now, at hand too."""
        codes = items_of(working_set.mappings)
        for charges in working_set.charges.values():
            codes.update([charge.line.item_code for charge in charges.values()])
        epoch = working_set.reference.epoch
        working_set.reference = self._reference.view(
            self._connection, self._region, codes, epoch=epoch
        )

    def _read_stays(self, working_set: WorkingSet, wanted: Wanted) -> None:
        """Reads the bills of the undischarged stays, which are known by now."""
        stays = working_set.visits.keys() - set(wanted.needs.visit_ids)
        read = read_standing_bills(self._region, stays)
        (rows,) = execute(self._connection, [read.select])
        read.keep(working_set, rows)

    def _read_seen_bills(self, working_set: WorkingSet, wanted: Wanted) -> None:
        """Reads the bills of other visits in sight: most persons have none."""
        seen = {visit_id for visits in working_set.seen_visits.values() for visit_id in visits}
        others = seen.difference(wanted.needs.visit_ids)
        if others:
            read = read_standing_bills(self._region, others)
            (rows,) = execute(self._connection, [read.select])
            read.keep(working_set, rows)


def _names(command: Command, ids: Collection[str]) -> bool:
    """Tells whether one of some bills may leave by a command."""
    needs = command.needs()
    return not {*needs.leaving_settlement_ids, *needs.leaving_hold_ids}.isdisjoint(ids)

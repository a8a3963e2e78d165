"""The feed of a region: whose facts changed, in one line without gaps.

A change says that something of a person changed; what stands is read from the tables of
persons, enrolments, cards, certificates and links when the feed is read. So a writer
cannot tell something stale, and need not know what others keep of the person.

The head's row is locked from the moment a number is taken until the commit, so numbers
become visible in their order and none is ever missing, whatever process wrote it. Take a
number last in a transaction, before the audit row: everyone else who changes a person of
the region waits.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows, select_rows
from yibao_identity.application.records import EnrolmentChange, PersonStanding
from yibao_identity.rules import card as card_rules
from yibao_identity.rules import certificate as certificate_rules
from yibao_identity.rules.credential import Credential, CredentialKind
from yibao_identity.rules.relative import LinkPurpose, LinkState
from yibao_identity.storage import tables
from yibao_identity.storage.enrolments import standing_enrolments

_SHARE_ACCOUNT = LinkPurpose.SHARE_ACCOUNT.value
_CONFIRMED = LinkState.CONFIRMED.value


def note_change(
    connection: sa.Connection,
    region: str,
    person_ids: Collection[str],
    *,
    now: dt.datetime,
    caller: str,
) -> None:
    """Tells settlement that something it knows of `person_ids` changed.

    Call it once in a transaction, after everything else but the audit was written.
    """
    assert person_ids
    last = _take_sequences(connection, region, len(person_ids))
    first = last - len(person_ids) + 1
    insert_rows(
        connection,
        tables.person_change,
        ("region", "sequence", "person_id", "record_time", "recorded_by"),
        [
            (region, sequence, person_id, now, caller)
            for sequence, person_id in enumerate(sorted(person_ids), start=first)
        ],
    )


def changes_after(
    connection: sa.Connection, region: str, sequence: int, *, limit: int, today: dt.date
) -> list[EnrolmentChange]:
    """Returns at most `limit` changes after a number, in their order.

    The connection has to read one snapshot, as `Database.read` does.
    """
    change = tables.person_change.c
    query = (
        sa.select(change.sequence, change.person_id)
        .where(change.region == region, change.sequence > sequence)
        .order_by(change.sequence)
        .limit(limit)
    )
    changes = connection.execute(query).all()
    standings = standings_of(connection, region, {row.person_id for row in changes}, today=today)
    return [EnrolmentChange(row.sequence, standings[row.person_id]) for row in changes]


def standings_of(
    connection: sa.Connection, region: str, person_ids: Iterable[str], *, today: dt.date
) -> Mapping[str, PersonStanding]:
    """Returns what settlement must know of each of `person_ids`, who all exist."""
    wanted = sorted(set(person_ids))
    persons = select_rows(
        connection,
        tables.person,
        ("person_id", "birth_date", "merged_into"),
        region=region,
        key="person_id",
        among=wanted,
    )
    enrolments = standing_enrolments(connection, region, wanted)
    credentials = _credentials(connection, region, wanted, today)
    payers = _payers(connection, region, wanted)
    return {
        person_id: PersonStanding(
            person_id,
            birth_date,
            enrolments[person_id],
            tuple(credentials[person_id]),
            merged_into,
            tuple(payers[person_id]),
        )
        for person_id, birth_date, merged_into in persons
    }


def _credentials(
    connection: sa.Connection, region: str, person_ids: Collection[str], today: dt.date
) -> Mapping[str, list[Credential]]:
    found: dict[str, list[Credential]] = defaultdict(list)
    certificates = select_rows(
        connection,
        tables.certificate,
        ("person_id", "subject", "state", "suspension_case_id", "activate_time"),
        region=region,
        key="person_id",
        among=person_ids,
        order_by=("activate_time",),
    )
    for person_id, subject, state, case_id, _ in certificates:
        stored_state = certificate_rules.CertificateState(state)
        present_state = certificate_rules.certificate_state(stored_state, case_id)
        told = certificate_rules.credential_state(present_state)
        found[person_id].append(Credential(subject, CredentialKind.ECERT, told))
    cards = select_rows(
        connection,
        tables.card,
        (
            "person_id",
            "subject",
            "state",
            "activation_deadline_date",
            "suspension_case_id",
            "issue_time",
        ),
        region=region,
        key="person_id",
        among=person_ids,
        order_by=("issue_time",),
    )
    for person_id, subject, state, deadline, case_id, _ in cards:
        stored = card_rules.CardState(state)
        present = card_rules.state_on(stored, activation_deadline_date=deadline, today=today)
        told = card_rules.credential_state(present, is_suspended=case_id is not None)
        found[person_id].append(Credential(subject, CredentialKind.CARD, told))
    return found


def _payers(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    links = select_rows(
        connection,
        tables.relative_link,
        ("person_id", "relative_id", "purpose", "state", "confirm_time"),
        region=region,
        key="person_id",
        among=person_ids,
        order_by=("confirm_time",),
    )
    for person_id, relative_id, purpose, state, _ in links:
        if (purpose, state) == (_SHARE_ACCOUNT, _CONFIRMED):
            found[person_id].append(relative_id)
    return found


def _take_sequences(connection: sa.Connection, region: str, count: int) -> int:
    """Takes the next `count` numbers and returns the last of them."""
    head = tables.feed_head
    insert_rows(connection, head, ("region", "sequence"), [(region, 0)], skip_existing=True)
    query = sa.select(head.c.sequence).where(head.c.region == region).with_for_update()
    sequence = int(connection.execute(query).scalar_one()) + count
    connection.execute(sa.update(head).where(head.c.region == region).values(sequence=sequence))
    return sequence

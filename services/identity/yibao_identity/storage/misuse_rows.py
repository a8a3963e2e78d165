"""Cases of suspected misuse as rows, and the credentials that they are about."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_identity.rules.card import CardState, card_suspended
from yibao_identity.rules.certificate import CertificateState, ecert_suspended
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.misuse import CaseState, MisuseCase, MisuseKind, Suspicion
from yibao_identity.storage import tables

_case = tables.misuse_case
_PLACES = {
    CredentialKind.ECERT: (tables.certificate, tables.certificate.c.certificate_id),
    CredentialKind.CARD: (tables.card, tables.card.c.card_id),
}
_ENDED = {
    CredentialKind.ECERT: (CertificateState.CLOSED.value,),
    CredentialKind.CARD: (CardState.REPLACED.value, CardState.CLOSED.value),
}


@dataclass(frozen=True, slots=True)
class CaseCredential:
    """A card or e-certificate by its subject; `credential_id` is its own id."""

    kind: CredentialKind
    credential_id: str
    person_id: str
    suspension_case_id: str | None


def find_credential(
    connection: sa.Connection, region: str, subject: str, *, for_update: bool = False
) -> CaseCredential | None:
    """Returns whose credential a subject is, or None; `for_update` locks its row."""
    for kind, (table, id_column) in _PLACES.items():
        query = sa.select(id_column, table.c.person_id, table.c.suspension_case_id).where(
            table.c.region == region, table.c.subject == subject
        )
        row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
        if row is not None:
            return CaseCredential(kind, *row)
    return None


def check_none_suspended(connection: sa.Connection, region: str, person_id: str) -> None:
    """Refuses to end the record of a person, who is locked, with a suspended credential.

    The credentials of the record that stays would be a way around the suspension (I-04).

    Raises:
        RuleError: ECERT_SUSPENDED, CARD_SUSPENDED; it may be closed, but its case is not.
    """
    for table, refusal in ((tables.certificate, ecert_suspended), (tables.card, card_suspended)):
        case_id = table.c.suspension_case_id
        query = sa.select(case_id).where(
            table.c.region == region, table.c.person_id == person_id, case_id.is_not(None)
        )
        found = connection.execute(query.order_by(case_id).limit(1)).scalar_one_or_none()
        if found is not None:
            raise refusal(found)


def find_successors(
    connection: sa.Connection, region: str, credential: CaseCredential, *, holder_id: str
) -> list[CaseCredential]:
    """Locks and returns what the holder, who is locked, has in place of one that has ended.

    None where the credential itself stands.
    """
    table, id_column = _PLACES[credential.kind]
    query = (
        sa.select(id_column, table.c.person_id, table.c.suspension_case_id)
        .where(
            table.c.region == region,
            table.c.person_id == holder_id,
            table.c.state.not_in(_ENDED[credential.kind]),
        )
        .order_by(id_column)
        .with_for_update()
    )
    standing = [CaseCredential(credential.kind, *row) for row in connection.execute(query)]
    is_standing = any(each.credential_id == credential.credential_id for each in standing)
    return [] if is_standing else standing


def set_suspension(
    connection: sa.Connection, region: str, credential: CaseCredential, case_id: str
) -> None:
    """Writes which case suspends a credential whose row is locked."""
    table, id_column = _PLACES[credential.kind]
    changed = connection.execute(
        sa.update(table)
        .where(table.c.region == region, id_column == credential.credential_id)
        .values(suspension_case_id=case_id)
    )
    assert changed.rowcount == 1


def clear_suspension(connection: sa.Connection, case: MisuseCase, *, holder_id: str) -> None:
    """Frees every credential that a case suspends; the holder's row is locked."""
    for table, _ in _PLACES.values():
        connection.execute(
            sa.update(table)
            .where(
                table.c.region == case.region,
                table.c.person_id.in_({case.person_id, holder_id}),
                table.c.suspension_case_id == case.case_id,
            )
            .values(suspension_case_id=None)
        )


def case_from(row: sa.Row[Any], vault: Vault) -> MisuseCase:
    """Builds a case from a row of all columns."""
    description = vault.open(
        bytes(row.sealed_description), place=_place(row.region, row.case_id)
    ).decode()
    return MisuseCase(
        row.region,
        row.case_id,
        row.person_id,
        row.subject,
        Suspicion(MisuseKind(row.kind), description, row.evidence_reference),
        CaseState(row.state),
        row.reporter,
        row.report_time,
        row.suspended_by,
        row.decider,
        row.decide_time,
        row.decision_note,
    )


def find_case(
    connection: sa.Connection,
    vault: Vault,
    region: str,
    case_id: str,
    *,
    for_update: bool = False,
) -> MisuseCase | None:
    """Returns a case, or None; `for_update` locks its row."""
    query = sa.select(_case).where(_case.c.region == region, _case.c.case_id == case_id)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    return None if row is None else case_from(row, vault)


def add_case(connection: sa.Connection, vault: Vault, case: MisuseCase) -> None:
    """Stores a new case."""
    place = _place(case.region, case.case_id)
    connection.execute(
        sa.insert(_case).values(
            region=case.region,
            case_id=case.case_id,
            person_id=case.person_id,
            subject=case.subject,
            kind=case.suspicion.kind.value,
            sealed_description=vault.seal(case.suspicion.description.encode(), place=place),
            evidence_reference=case.suspicion.evidence_reference,
            reporter=case.reporter,
            report_time=case.report_time,
            **_decision(case),
        )
    )


def change_case(connection: sa.Connection, case: MisuseCase) -> None:
    """Writes what was decided of a case whose row is locked."""
    changed = connection.execute(
        sa.update(_case)
        .where(_case.c.region == case.region, _case.c.case_id == case.case_id)
        .values(**_decision(case))
    )
    assert changed.rowcount == 1


def _decision(case: MisuseCase) -> dict[str, object]:
    return {
        "state": case.state.value,
        "suspended_by": case.suspended_by,
        "decider": case.decider,
        "decide_time": case.decide_time,
        "decision_note": case.decision_note,
    }


def _place(region: str, case_id: str) -> str:
    return f"{region}/misuse_case/{case_id}/description"

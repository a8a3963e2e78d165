"""Cases of suspected misuse as rows, and the marks of those that suspend credentials."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.misuse import (
    CaseCredential,
    CaseState,
    MisuseCase,
    MisuseKind,
    Suspicion,
)
from yibao_identity.storage import tables

_case = tables.misuse_case
_IDS = {
    CredentialKind.ECERT: tables.certificate.c.certificate_id,
    CredentialKind.CARD: tables.card.c.card_id,
}


class StoredCases:
    """See `application.misuse.CaseRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault) -> None:
        """Takes the transaction's connection and what opens descriptions."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def find(self, case_id: str) -> MisuseCase | None:
        """Returns a case, or None."""
        return self._one(self._named(case_id))

    def lock(self, case_id: str) -> MisuseCase | None:
        """Locks a case and returns it, or None."""
        return self._one(self._named(case_id).with_for_update())

    def newest(
        self, *, state: CaseState | None, before_case_id: str, limit: int
    ) -> list[MisuseCase]:
        """Returns the newest cases; ids rise with time."""
        query = sa.select(_case).where(_case.c.region == self._region)
        if state is not None:
            query = query.where(_case.c.state == state.value)
        if before_case_id:
            query = query.where(_case.c.case_id < before_case_id)
        rows = self._connection.execute(query.order_by(_case.c.case_id.desc()).limit(limit))
        return [self._case_from(row) for row in rows]

    def insert(self, case: MisuseCase) -> None:
        """Stores a new case."""
        description = case.suspicion.description.encode()
        self._connection.execute(
            sa.insert(_case).values(
                region=case.region,
                case_id=case.case_id,
                person_id=case.person_id,
                subject=case.subject,
                kind=case.suspicion.kind.value,
                sealed_description=self._vault.seal(description, place=self._place(case.case_id)),
                evidence_reference=case.suspicion.evidence_reference,
                reporter=case.reporter,
                report_time=case.report_time,
                **_decision(case),
            )
        )

    def decide(self, case: MisuseCase) -> None:
        """Stores what was decided of a case."""
        changed = self._connection.execute(
            sa.update(_case)
            .where(_case.c.region == self._region, _case.c.case_id == case.case_id)
            .values(**_decision(case))
        )
        assert changed.rowcount == 1

    def _named(self, case_id: str) -> sa.Select[Any]:
        return sa.select(_case).where(_case.c.region == self._region, _case.c.case_id == case_id)

    def _one(self, query: sa.Select[Any]) -> MisuseCase | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._case_from(row)

    def _case_from(self, row: sa.Row[Any]) -> MisuseCase:
        sealed = bytes(row.sealed_description)
        description = self._vault.open(sealed, place=self._place(row.case_id)).decode()
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

    def _place(self, case_id: str) -> str:
        return f"{self._region}/misuse_case/{case_id}/description"


class StoredSuspensions:
    """See `application.misuse.SuspensionRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, subject: str) -> CaseCredential | None:
        """Returns the credential that a subject is of, or None."""
        for kind, id_column in _IDS.items():
            query = self._select(kind).where(id_column.table.c.subject == subject)
            found = self._read(kind, query)
            if found:
                return found[0]
        return None

    def of_persons(
        self, kind: CredentialKind, person_ids: Collection[str]
    ) -> Sequence[CaseCredential]:
        """Returns all that persons have or had of a kind, in the order of their ids."""
        return self._read(kind, self._of_persons(kind, person_ids))

    def lock(self, kind: CredentialKind, person_ids: Collection[str]) -> Sequence[CaseCredential]:
        """Locks all that persons have or had of a kind, in the order of their ids."""
        return self._read(kind, self._of_persons(kind, person_ids).with_for_update())

    def mark(self, credential: CaseCredential, case_id: str | None) -> None:
        """Stores which case suspends a credential, or that none does."""
        id_column = _IDS[credential.kind]
        table = id_column.table
        changed = self._connection.execute(
            sa.update(table)
            .where(table.c.region == self._region, id_column == credential.credential_id)
            .values(suspension_case_id=case_id)
        )
        assert changed.rowcount == 1

    def _select(self, kind: CredentialKind) -> sa.Select[Any]:
        id_column = _IDS[kind]
        columns = id_column.table.c
        return sa.select(
            id_column,
            columns.person_id,
            columns.subject,
            columns.state,
            columns.suspension_case_id,
        ).where(columns.region == self._region)

    def _of_persons(self, kind: CredentialKind, person_ids: Collection[str]) -> sa.Select[Any]:
        id_column = _IDS[kind]
        is_of_them = id_column.table.c.person_id.in_(person_ids)
        return self._select(kind).where(is_of_them).order_by(id_column)

    def _read(self, kind: CredentialKind, query: sa.Select[Any]) -> list[CaseCredential]:
        rows = self._connection.execute(query)
        return [
            CaseCredential(kind, id, person_id, subject, _state(kind, state), case_id)
            for id, person_id, subject, state, case_id in rows
        ]


def _state(kind: CredentialKind, stored: int) -> CardState | CertificateState:
    return CardState(stored) if kind is CredentialKind.CARD else CertificateState(stored)


def _decision(case: MisuseCase) -> dict[str, object]:
    return {
        "state": case.state.value,
        "suspended_by": case.suspended_by,
        "decider": case.decider,
        "decide_time": case.decide_time,
        "decision_note": case.decision_note,
    }

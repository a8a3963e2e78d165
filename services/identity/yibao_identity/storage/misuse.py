"""Cases of suspected misuse: reported, decided, read."""

from collections.abc import Sequence

import sqlalchemy as sa

from yibao_identity.application.misuse import DecideCase, EncodeCase, ReportMisuse
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.misuse import (
    CaseState,
    MisuseCase,
    case_not_found,
    credential_not_found,
    lift,
    suspend,
    suspended_elsewhere,
)
from yibao_identity.storage import tables
from yibao_identity.storage.device_rows import withdraw_certificates_of
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.misuse_rows import (
    CaseCredential,
    add_case,
    case_from,
    change_case,
    clear_suspension,
    find_case,
    find_credential,
    find_successors,
    set_suspension,
)
from yibao_identity.storage.person_calls import PersonCalls
from yibao_identity.storage.person_locks import lock_survivor


class MisuseStore(PersonCalls):
    """Cases of a database; see `application.misuse.MisuseCases`."""

    def report(self, command: ReportMisuse, encode: EncodeCase) -> bytes:
        """Opens a case once by request id and returns the answer's bytes."""
        return self._answer(
            command.request,
            lambda connection: encode(self._report(connection, command)),
        )

    def suspend(self, command: DecideCase, encode: EncodeCase) -> bytes:
        """Suspends a credential once by request id and returns the answer's bytes."""
        return self._answer(
            command.request,
            lambda connection: encode(self._suspend(connection, command)),
        )

    def lift(self, command: DecideCase, encode: EncodeCase) -> bytes:
        """Closes a case once by request id and returns the answer's bytes."""
        return self._answer(
            command.request,
            lambda connection: encode(self._lift(connection, command)),
        )

    def find(self, region: str, case_id: str) -> MisuseCase | None:
        """Returns a case, or None."""
        with self._database.read() as connection:
            return find_case(connection, self._vault, region, case_id)

    def list(
        self, region: str, *, state: CaseState | None, before_case_id: str, limit: int
    ) -> Sequence[MisuseCase]:
        """Returns the newest cases; ids rise with time."""
        case = tables.misuse_case.c
        query = sa.select(tables.misuse_case).where(case.region == region)
        if state is not None:
            query = query.where(case.state == state.value)
        if before_case_id:
            query = query.where(case.case_id < before_case_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(case.case_id.desc()).limit(limit)).all()
        return [case_from(row, self._vault) for row in rows]

    def _report(self, connection: sa.Connection, command: ReportMisuse) -> MisuseCase:
        request = command.request
        credential = find_credential(connection, request.region, command.subject)
        if credential is None:
            raise credential_not_found(command.subject)
        case = MisuseCase(
            request.region,
            self._ids(),
            credential.person_id,
            command.subject,
            command.suspicion,
            CaseState.REPORTED,
            request.caller.path,
            self._clock(),
        )
        add_case(connection, self._vault, case)
        subjects = (case.person_id, credential.credential_id, case.case_id)
        self._record(connection, request, subjects, kind=command.suspicion.kind.name)
        return case

    def _suspend(self, connection: sa.Connection, command: DecideCase) -> MisuseCase:
        request, now = command.request, self._clock()
        region, operator = request.region, request.caller.path
        held, holder_id = self._hold_case(connection, region, command.case_id)
        case = suspend(held, operator=operator, now=now, note=command.note)
        credential = self._hold_credential(connection, case)
        if credential.suspension_case_id is not None:
            raise suspended_elsewhere(credential.suspension_case_id)
        change_case(connection, case)
        # Whoever closed the credential after the report has another one by now, perhaps, and
        # whose record was merged since has one in the record that stays.
        successors = find_successors(connection, region, credential, holder_id=holder_id)
        for each in (credential, *successors):
            if each.suspension_case_id is not None:
                continue
            set_suspension(connection, region, each, case.case_id)
            if each.kind is CredentialKind.ECERT:
                # The phones stay enrolled: once it is lifted they renew and work again.
                withdraw_certificates_of(connection, region, each.credential_id, now=now)
        self._tell(connection, command, case, credential, holder_id)
        return case

    def _lift(self, connection: sa.Connection, command: DecideCase) -> MisuseCase:
        request, now = command.request, self._clock()
        held, holder_id = self._hold_case(connection, request.region, command.case_id)
        case = lift(held, operator=request.caller.path, now=now, note=command.note)
        change_case(connection, case)
        if held.state is not CaseState.SUSPENDED:
            self._record(connection, request, (case.person_id, case.case_id), lifted="0")
            return case
        credential = self._hold_credential(connection, case)
        assert credential.suspension_case_id == case.case_id
        clear_suspension(connection, case, holder_id=holder_id)
        self._tell(connection, command, case, credential, holder_id)
        return case

    def _tell(
        self,
        connection: sa.Connection,
        command: DecideCase,
        case: MisuseCase,
        credential: CaseCredential,
        holder_id: str,
    ) -> None:
        """Tells settlement and the audit of what a credential may do from now on."""
        request = command.request
        caller = request.caller.path
        # One id, or two where the record was merged.
        person_ids = sorted({case.person_id, holder_id})
        note_change(connection, request.region, person_ids, now=self._clock(), caller=caller)
        self._record(connection, request, (*person_ids, credential.credential_id, case.case_id))

    def _hold_case(
        self, connection: sa.Connection, region: str, case_id: str
    ) -> tuple[MisuseCase, str]:
        """Locks the holder's row, then the case's; returns the case and the holder's id.

        The holder is the record that stays, where that of the report was merged.
        """
        read = find_case(connection, self._vault, region, case_id)
        if read is None:
            raise case_not_found(case_id)
        holder_id = lock_survivor(connection, region, read.person_id)
        held = find_case(connection, self._vault, region, case_id, for_update=True)
        assert held is not None
        return held, holder_id

    def _hold_credential(self, connection: sa.Connection, case: MisuseCase) -> CaseCredential:
        credential = find_credential(connection, case.region, case.subject, for_update=True)
        if credential is None:
            raise credential_not_found(case.subject)
        return credential

"""Cases of suspected misuse in memory, and the marks on cards and e-certificates."""

import dataclasses
from collections.abc import Collection, Sequence

from yibao_identity.application.misuse import CaseRows, SuspensionRows
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.misuse import CaseCredential, CaseState, MisuseCase


@dataclasses.dataclass
class MemoryCases(CaseRows):
    """Cases of one region; `locked` names what was locked, in order."""

    rows: dict[str, MisuseCase] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def find(self, case_id: str) -> MisuseCase | None:
        return self.rows.get(case_id)

    def lock(self, case_id: str) -> MisuseCase | None:
        self.locked.append(case_id)
        return self.find(case_id)

    def newest(
        self, *, state: CaseState | None, before_case_id: str, limit: int
    ) -> list[MisuseCase]:
        found = [
            case
            for case_id, case in sorted(self.rows.items(), reverse=True)
            if (state is None or case.state is state)
            and (not before_case_id or case_id < before_case_id)
        ]
        return found[:limit]

    def insert(self, case: MisuseCase) -> None:
        assert case.case_id not in self.rows
        self.rows[case.case_id] = case

    def decide(self, case: MisuseCase) -> None:
        self.rows[case.case_id] = case


@dataclasses.dataclass
class MemorySuspensions(SuspensionRows):
    """Cards and e-certificates of one region; `locked` names what was locked, in order."""

    rows: dict[str, CaseCredential] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def add(self, credential: CaseCredential) -> None:
        """Keeps a credential."""
        self.rows[credential.credential_id] = credential

    def find(self, subject: str) -> CaseCredential | None:
        return next((each for each in self.rows.values() if each.subject == subject), None)

    def of_persons(
        self, kind: CredentialKind, person_ids: Collection[str]
    ) -> Sequence[CaseCredential]:
        return [
            each
            for _, each in sorted(self.rows.items())
            if each.kind is kind and each.person_id in person_ids
        ]

    def lock(self, kind: CredentialKind, person_ids: Collection[str]) -> Sequence[CaseCredential]:
        found = self.of_persons(kind, person_ids)
        self.locked += [each.credential_id for each in found]
        return found

    def mark(self, credential: CaseCredential, case_id: str | None) -> None:
        changed = dataclasses.replace(credential, suspension_case_id=case_id)
        self.rows[credential.credential_id] = changed

"""E-certificates in memory."""

import dataclasses
from collections.abc import Collection

from yibao_identity.application.certificate import CertificateRows
from yibao_identity.rules.certificate import Certificate, Proofing


@dataclasses.dataclass
class MemoryCertificates(CertificateRows):
    """E-certificates of one region; `locked` names what was locked, in order."""

    rows: dict[str, Certificate] = dataclasses.field(default_factory=dict)
    proofs: dict[str, Proofing] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def find(self, certificate_id: str) -> Certificate | None:
        return self.rows.get(certificate_id)

    def lock(self, certificate_id: str) -> Certificate | None:
        self.locked.append(certificate_id)
        return self.find(certificate_id)

    def among(self, certificate_ids: Collection[str]) -> dict[str, Certificate]:
        return {id: self.rows[id] for id in certificate_ids if id in self.rows}

    def of_persons(self, person_ids: Collection[str]) -> list[Certificate]:
        found = [each for each in self.rows.values() if each.person_id in person_ids]
        return sorted(found, key=lambda each: each.activate_time)

    def insert(self, certificate: Certificate, proofing: Proofing, *, activated_by: str) -> None:
        assert certificate.certificate_id not in self.rows
        self.rows[certificate.certificate_id] = certificate
        self.proofs[certificate.certificate_id] = proofing

    def close(self, certificate: Certificate, *, closed_by: str) -> None:
        self.rows[certificate.certificate_id] = certificate

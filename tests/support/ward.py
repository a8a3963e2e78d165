"""A hospital elsewhere that declares admissions."""

import datetime as dt
from typing import Any

from support.audit_desk import HOSPITAL, VISIT, AuditWorld
from support.paper_desk import PERSON, REGION

from yibao_common.commands.request import Request
from yibao_common.values.ids import new_id
from yibao_offsite.application.admission_declaration import AdmissionDeclarations, UpdateAdmission
from yibao_offsite.rules.admission_declaration import AdmissionDeclaration, AdmissionReason, Moved


class Ward:
    """A hospital elsewhere."""

    def __init__(self, world: AuditWorld) -> None:
        self.world = world
        self.declarations = AdmissionDeclarations(
            world.transactions, clock=lambda: world.now, ids=new_id
        )
        self.caller = f"institution/{HOSPITAL}"
        self.given: list[AdmissionDeclaration] = []

    def take(self, declaration: AdmissionDeclaration) -> bytes:
        self.given.append(declaration)
        return b"told"

    def declare(
        self, visit_id: str = VISIT, *, person_id: str = PERSON, **told: Any
    ) -> AdmissionDeclaration:
        values = {
            "admission_date": dt.date(2026, 11, 25),
            "reason": AdmissionReason.LOCAL_RULE,
            "registration_id": "",
            **told,
        }

        def make(id: str, now: dt.datetime) -> AdmissionDeclaration:
            return AdmissionDeclaration(
                region=REGION,
                admission_declaration_id=id,
                visit_id=visit_id,
                person_id=person_id,
                institution_id=HOSPITAL,
                department_name="surgery",
                bed="12",
                diagnosis_code="K35.900",
                declared_by=self.caller,
                declare_time=now,
                **values,
            )

        self.declarations.declare(self.asked("DeclareAdmission"), make, self.take)
        return self.given[-1]

    def move(self, id: str, told: Moved, *, by: str = "") -> AdmissionDeclaration:
        command = UpdateAdmission(self.asked("UpdateAdmission", by), id, told)
        self.declarations.update(command, self.take)
        return self.given[-1]

    def asked(self, method: str, by: str = "") -> Request:
        return self.world.asked(method, by or self.caller)

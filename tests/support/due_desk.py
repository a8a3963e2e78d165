"""The offsite service with something of each kind that may be due, and a clock that tests set."""

import base64
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from support.lists.rows import fill
from support.paper_service import REGION
from support.registrations import SAMPLE_FILE
from typer.testing import CliRunner, Result

from yibao_cli.main import app
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.ids import new_id
from yibao_offsite.rules.recheck import Recheck, RecheckState
from yibao_offsite.storage import tables
from yibao_offsite.storage.recheck import StoredRechecks

FRIDAY = dt.datetime(2026, 11, 27, 10, tzinfo=SHANGHAI)
DAY = {"year": 2026, "month": 11, "day": 27}
PERSON, VISIT = new_id(), new_id()
_WEEK = dt.timedelta(days=7)
FORM = ("identity_certificate", "registration_form")


class Desk:
    """A service whose clock a test sets, and commands of those who call it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.now = FRIDAY

    def clock(self) -> dt.datetime:
        return self.now.astimezone(dt.UTC)

    def run(self, by: str, *words: str, region: str = REGION) -> Result:
        at = ("--address", f"localhost:{self.port}", "--region", region)
        own = ("--cert", f"{self.folder / by}.pem", "--key", f"{self.folder / by}.key")
        return CliRunner().invoke(app, [*words, *at, "--ca", f"{self.folder / 'ca.pem'}", *own])

    def call(self, method: str, *, by: str = "agency", region: str = REGION, **fields: Any) -> Any:
        """Calls a method; returns the only thing that it answers with, or with the holds."""
        ended = self.run(by, "call", method, json.dumps(fields), "--json", region=region)
        assert ended.exit_code == 0, ended.output
        return next(iter(json.loads(ended.stdout).values()))

    def due(self, *words: str) -> Any:
        ended = self.run("agency", "due", *words, "--json")
        assert (ended.exit_code, ended.stderr) == (0, ""), ended.output
        return json.loads(ended.stdout)


def fill_desk(desk: Desk, database: Database) -> None:
    """Has something of each kind be due: by calls, but for three that need more than this service.

    A recheck is called for months after its evaluation, a hold is signed by a key of identity's,
    and what identity refuses it was asked for.
    """
    rules = base64.b64encode(SAMPLE_FILE.read_bytes()).decode()
    draft = desk.call("SubmitRules", effective_date=DAY, rules_file=rules)
    desk.call("ApproveRules", by="auditor", rules_version=draft["rules_version"])
    evaluation_id, task_id = _fill_registrations(desk), _fill_audits(desk)
    desk.call("OpenTicket", kind="TICKET_KIND_SYSTEM_FAILURE", text="无法登记")
    desk.call(
        "ApplyForQualification",
        person_id=PERSON,
        disease_code="M03900",
        institution_id="H33010000001",
        diagnosis_code="I10.x00",
        diagnosis_basis="三次血压均高于标准",
        papers=[{"paper_code": "application_form"}, {"paper_code": "diagnosis_proof"}],
    )
    desk.call(
        "FileComplaint",
        by="channel",
        complaint_subject="COMPLAINT_SUBJECT_CHARGE",
        complaint_text="收费两次",
        tracking_secret="0123456789abcdef",
    )
    desk.call("WaiveMaterial", person_id=PERSON, kind="lease", reason="seen before")
    ids = {"region": REGION, "task_id": task_id, "visit_id": VISIT, "person_id": PERSON}
    called = Recheck(
        region=REGION,
        recheck_id=new_id(),
        evaluation_id=evaluation_id,
        person_id=PERSON,
        state=RecheckState.CALLED,
        due_date=dt.date(2026, 11, 29),
        reason="复查",
        called_by=f"agency/{REGION}/wang",
        call_time=desk.clock(),
    )
    refused = {
        **{"region": REGION, "qualification_id": new_id(), "person_id": PERSON},
        **{"state": 3, "carry_state": 3, "carry_problem": "DISEASE_OVERLAP"},
        **dict.fromkeys(("treating_institution_ids", "missing_paper_codes"), "[]"),
        **{"disease_registration_id": "", "decide_time": (FRIDAY - _WEEK).astimezone(dt.UTC)},
    }
    holds, qualifications = tables.audit_tasks.audit_hold, tables.chronic.qualification
    with database.write() as connection:
        for table, row in ((holds, {**ids, "hold_id": new_id()}), (qualifications, refused)):
            connection.execute(sa.insert(table).values(fill(table, row)))
        vault = Vault([b"\xab" * 32], b"\xcd" * 32, random_bytes=os.urandom)
        StoredRechecks(connection, REGION, vault).insert(called)


def _fill_registrations(desk: Desk) -> str:
    """Applies for a referral and registers somebody; returns the referral's evaluation."""
    elsewhere: dict[str, Any] = {
        "person_id": PERSON,
        "treatment_region": "310000",
        "start_date": DAY,
    }
    referred = desk.call(
        "CreateRegistration",
        **elsewhere,
        category="REGISTRATION_CATEGORY_REFERRAL",
        basis="REGISTRATION_BASIS_PROOF",
        materials=[{"kind": kind, "is_shown": True} for kind in (*FORM, "referral_proof")],
        referral={
            "institution_id": "H33010000001",
            "diagnosis_code": "C34.900",
            "referral_date": DAY,
        },
    )
    desk.call(
        "CreateRegistration",
        **{**elsewhere, "person_id": new_id()},
        category="REGISTRATION_CATEGORY_OTHER_TEMPORARY",
        materials=[{"kind": kind, "is_shown": True} for kind in FORM],
    )
    named = {"registration_id": referred["registration_id"]}
    evaluation_id: str = desk.call("OpenPreEvaluation", **named, due_date=DAY)["evaluation_id"]
    return evaluation_id


def _fill_audits(desk: Desk) -> str:
    """Opens an audit, asks another region and is asked by one; returns the audit's task."""
    audit: dict[str, Any] = {
        "person_id": PERSON,
        "visit_id": VISIT,
        "institution_id": "H31000000001",
    }
    for asked, by, region in (("310000", "agency", REGION), (REGION, "other-agency", "500100")):
        desk.call(
            "OpenAuditTask",
            by=by,
            region=region,
            **audit,
            task_type="AUDIT_TASK_TYPE_ASSISTANCE_CHECK",
            reason="too long",
            assistance={
                "treatment_region": asked,
                "inpatient_number": "ZY001",
                "admission_date": {"year": 2026, "month": 10, "day": 1},
                "discharge_date": {"year": 2026, "month": 10, "day": 20},
                "diagnosis_code": "I10.x00",
                "total_fen": "3000000",
                "fund_total_fen": "2000000",
                "doubt": "twenty days for a cold",
            },
        )
    on_site = {"task_type": "AUDIT_TASK_TYPE_ON_SITE", "reason": "admitted twice"}
    task_id: str = desk.call("OpenAuditTask", **audit, **on_site, due_date=DAY)["task_id"]
    return task_id

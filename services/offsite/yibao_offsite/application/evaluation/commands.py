"""What is asked of pre-evaluations."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_offsite.rules.evaluation import Difference, Opinion


@dataclass(frozen=True, slots=True)
class OpenEvaluation:
    """Opens the evaluation of a referral, due by a day."""

    request: Request
    registration_id: str
    due_date: dt.date


@dataclass(frozen=True, slots=True)
class RecordEvaluation:
    """Records what an examination found."""

    request: Request
    evaluation_id: str
    opinion: Opinion
    findings: str
    examined_by: str
    examine_date: dt.date


@dataclass(frozen=True, slots=True)
class DecideEvaluation:
    """Approves what was recorded, or sends it back: then `note` says why."""

    request: Request
    evaluation_id: str
    version: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class CancelEvaluation:
    """Calls an evaluation off."""

    request: Request
    evaluation_id: str
    note: str


@dataclass(frozen=True, slots=True)
class CompareEvaluation:
    """Compares an evaluation with the papers of the discharge."""

    request: Request
    evaluation_id: str
    discharge_date: dt.date
    discharge_record_id: str
    certificate_id: str
    fee_list_id: str
    differences: tuple[Difference, ...]

"""What a visit is about: diagnoses, operations, disease, department and bed."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason

# The editions of ICD-10 and ICD-9-CM-3 for medical insurance (医保版): `I10.x00`,
# `E11.900x001`, `A17.000+`; `47.0100`, `36.0600x004`.
_DIAGNOSIS_CODE = re.compile(r"[A-Z][0-9]{2}(\.[0-9x]{1,15})?[*+†]?")
_OPERATION_CODE = re.compile(r"[0-9]{2}(\.[0-9x]{1,16})?")


class Diagnosis(NamedTuple):
    """A diagnosis; the order of its values is that in which it is stored."""

    diagnosis_code: str
    diagnosis_name: str
    is_main: bool


class Operation(NamedTuple):
    """An operation; the order of its values is that in which it is stored."""

    operation_code: str
    operation_name: str
    operation_date: dt.date


@dataclass(frozen=True, slots=True)
class CareFacts:
    """What an institution tells of a visit; texts are empty where it told nothing."""

    department: str = ""
    bed: str = ""
    diagnoses: tuple[Diagnosis, ...] = ()
    operations: tuple[Operation, ...] = ()
    disease_code: str = ""


NO_FACTS = CareFacts()


def fact_faults(facts: CareFacts, *, first_day: dt.date, last_day: dt.date) -> Iterator[FieldFault]:
    """Yields what is wrong with diagnoses and operations of a visit of these days."""
    diagnoses, operations = facts.diagnoses, facts.operations
    for index, diagnosis in enumerate(diagnoses):
        if _DIAGNOSIS_CODE.fullmatch(diagnosis.diagnosis_code) is None:
            yield FieldFault(
                f"diagnoses[{index}].diagnosis_code",
                Reason.FIELD_MALFORMED,
                "must be a code of ICD-10 for medical insurance, such as I10.x00",
            )
    if diagnoses and [each.is_main for each in diagnoses] != [True] + [False] * (
        len(diagnoses) - 1
    ):
        yield FieldFault(
            "diagnoses",
            Reason.MAIN_DIAGNOSIS_INVALID,
            "one diagnosis is the main one, and stands first",
        )
    for index, operation in enumerate(operations):
        if _OPERATION_CODE.fullmatch(operation.operation_code) is None:
            yield FieldFault(
                f"operations[{index}].operation_code",
                Reason.FIELD_MALFORMED,
                "must be a code of ICD-9-CM-3 for medical insurance, such as 47.0100",
            )
        if not first_day <= operation.operation_date <= last_day:
            yield FieldFault(
                f"operations[{index}].operation_date",
                Reason.OPERATION_DATE_INVALID,
                f"lies outside the visit, {first_day.isoformat()} to {last_day.isoformat()}",
            )

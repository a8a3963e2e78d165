"""What is told of a form, and the pieces that forms have in common.

Fields and their order are those of the published papers: annexes 1, 7 and 8 of 苏医保发〔2022〕75号
and the papers of outpatient diseases. What nobody told is a line to write on.
"""

import datetime as dt
import enum
from dataclasses import dataclass

from yibao_common.values.masking import Paper, name_on, number_on
from yibao_common.values.sheet import Grid, Pair
from yibao_offsite.rules.qualification.qualification import Qualification
from yibao_offsite.rules.registration.registration import Registration

_DAY_TO_WRITE = "　　　年　　月　　日"


class FormKind(enum.IntEnum):
    """Which form; numbers of the contract."""

    LONG_TERM_COMMITMENT = 1
    TRAUMA_COMMITMENT = 2
    OUTSIDE_CARE = 3
    REGISTRATION = 4
    REFERRAL = 5
    CHRONIC_APPLICATION = 6


# A letter that is signed names who signs it.
NEVER_MASKED = frozenset({FormKind.LONG_TERM_COMMITMENT, FormKind.TRAUMA_COMMITMENT})
OF_REGISTRATIONS = frozenset(
    {FormKind.LONG_TERM_COMMITMENT, FormKind.REGISTRATION, FormKind.REFERRAL}
)


@dataclass(frozen=True, slots=True, repr=False)
class FormPerson:
    """Whom a form is about, as the counter sees it; never printed by a program's log."""

    person_name: str = ""
    gender_name: str = ""
    certificate_name: str = ""
    certificate_number: str = ""
    phone_numbers: tuple[str, ...] = ()
    address: str = ""
    insurance_name: str = ""

    def shown(self, paper: Paper) -> "FormPerson":
        """Returns the person with name and number as `paper` shows them."""
        return FormPerson(
            name_on(paper, self.person_name),
            self.gender_name,
            self.certificate_name,
            number_on(paper, self.certificate_number),
            self.phone_numbers,
            self.address,
            self.insurance_name,
        )

    def phone(self, number: int) -> str:
        """Returns a telephone number, the first is 1; empty where there is none."""
        at = number - 1
        return self.phone_numbers[at] if at < len(self.phone_numbers) else ""


@dataclass(frozen=True, slots=True)
class FormCare:
    """What a hospital writes of care elsewhere or outside."""

    institution_name: str = ""
    department_name: str = ""
    diagnosis_name: str = ""
    summary: str = ""
    item_name: str = ""
    reason: str = ""
    other_institution_name: str = ""
    doctor_name: str = ""
    end_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A form with all that is known: stored, or told by the counter."""

    kind: FormKind
    person: FormPerson
    care: FormCare
    region_name: str
    treatment_region_name: str
    printed_date: dt.date
    registration: Registration | None = None
    qualification: Qualification | None = None


def grid(*rows: tuple[tuple[str, str], ...]) -> Grid:
    """Returns labels with their values, a row for each of `rows`."""
    return Grid(tuple(tuple(Pair(*pair) for pair in row) for row in rows))


def day(date: dt.date | None) -> str:
    """Returns a day in Chinese, or the place of one."""
    return _DAY_TO_WRITE if date is None else f"{date.year}年{date.month}月{date.day}日"


def choice(options: tuple[tuple[str, str], ...], chosen: str) -> str:
    """Returns options in a row, the chosen one marked: `●异地安置退休　○常驻异地工作`."""
    return "　".join(f"{'●' if key == chosen else '○'}{text}" for key, text in options)


def foot(form: Form) -> str:
    """Returns what stands under a form."""
    return f"打印日期：{day(form.printed_date)}"

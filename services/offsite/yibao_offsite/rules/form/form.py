"""What is told of a form, and the pieces that forms have in common.

Fields and their order are those of the published papers: annexes 1, 7 and 8 of 苏医保发〔2022〕75号
and the papers of outpatient diseases and of retired cadres. What nobody told is a line to write on.
"""

import dataclasses
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
    CHRONIC_BATCH = 7
    INSTITUTION_CHOICE = 8
    OUTSIDE_CATALOGUE = 9


class ChoiceKind(enum.IntEnum):
    """Which choice of an institution; numbers of the contract."""

    FIRST = 1
    ANEW = 2


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
    employer_name: str = ""
    person_class_name: str = ""
    birth_date: dt.date | None = None

    def shown(self, paper: Paper) -> "FormPerson":
        """Returns the person with name and number as `paper` shows them."""
        return dataclasses.replace(
            self,
            person_name=name_on(paper, self.person_name),
            certificate_number=number_on(paper, self.certificate_number),
        )

    def phone(self, number: int) -> str:
        """Returns a telephone number, the first is 1; empty where there is none."""
        at = number - 1
        return self.phone_numbers[at] if at < len(self.phone_numbers) else ""

    def age_on(self, date: dt.date) -> str:
        """Returns the full years of age on a day, such as `81岁`; empty where no birth is told."""
        born = self.birth_date
        if born is None:
            return ""
        years = date.year - born.year - ((date.month, date.day) < (born.month, born.day))
        return f"{years}岁"


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
    apply_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class FormApplicant:
    """A person of a batch application: a line of it."""

    person: FormPerson = FormPerson()
    institution_id: str = ""
    diagnosis_basis: str = ""
    disease_name: str = ""
    complication_name: str = ""
    subtype_name: str = ""
    severity_name: str = ""
    treating_institution_ids: tuple[str, ...] = ()

    def shown(self, paper: Paper) -> "FormApplicant":
        """Returns the line with name and number as `paper` shows them."""
        return dataclasses.replace(self, person=self.person.shown(paper))


@dataclass(frozen=True, slots=True)
class FormInstitutionChoice:
    """Which institution a person chooses; `kind` is None where it is not told."""

    kind: ChoiceKind | None = None
    institution_id: str = ""
    institution_name: str = ""
    agent: FormPerson = FormPerson()
    choice_date: dt.date | None = None

    def shown(self, paper: Paper) -> "FormInstitutionChoice":
        """Returns the choice with name and number of the agent as `paper` shows them."""
        return dataclasses.replace(self, agent=self.agent.shown(paper))


@dataclass(frozen=True, slots=True)
class FormOpinions:
    """What was said of an application for what is outside of the catalogue."""

    expert_name: str = ""
    expert_opinion: str = ""
    institution_opinion: str = ""
    agency_opinion: str = ""


# Nothing told of a person, a choice and opinions.
NOBODY = FormPerson()
NO_CHOICE = FormInstitutionChoice()
NO_OPINIONS = FormOpinions()


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
    applicants: tuple[FormApplicant, ...] = ()
    institution_choice: FormInstitutionChoice = NO_CHOICE
    opinions: FormOpinions = NO_OPINIONS


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

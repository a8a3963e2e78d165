"""Applying for qualifications: entitled institutions, papers that are missing, renewals."""

import dataclasses
import datetime as dt
from collections.abc import Iterable

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.listed import ListedDisease
from yibao_offsite.rules.qualification.qualification import (
    Application,
    HandedPaper,
    Qualification,
    QualificationState,
    Step,
    check_step,
)

# Nobody applies so early, and a year was mistyped.
_MOST_MONTHS_AHEAD = 12
_SHA256_BYTES = 32


def apply_for(
    application: Application,
    *,
    listed: ListedDisease,
    region: str,
    qualification_id: str,
    maker: str,
    now: dt.datetime,
    today: dt.date,
    renews: Qualification | None = None,
) -> Qualification:
    """Returns the qualification, applied for or returned with all papers that are missing.

    `today` is the day of `now` in Shanghai. A renewal begins on the day after the last one.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE with the fields at fault, INSTITUTION_NOT_ENTITLED.
    """
    start = application.start_date or today
    faults = _paper_faults(application.papers, listed)
    if renews is None:
        latest = add_months(today, _MOST_MONTHS_AHEAD)
        if start < today:
            faults.append(_fault("start_date", f"lies before {today}, the day of application"))
        elif start > latest:
            faults.append(_fault("start_date", f"lies after {latest}"))
    ids = application.treating_institution_ids
    if len(set(ids)) < len(ids):
        faults.append(_fault("treating_institution_ids", "names an institution twice"))
    refuse_faults(faults)
    if listed.institution_ids and application.institution_id not in listed.institution_ids:
        raise RuleError(
            Reason.INSTITUTION_NOT_ENTITLED,
            f"institution {application.institution_id} finds no {listed.disease_code} here",
            institution_id=application.institution_id,
            disease_code=listed.disease_code,
        )
    missing = missing_papers(application.papers, listed)
    return Qualification(
        region,
        qualification_id,
        application.person_id,
        listed.disease_code,
        listed.disease_name,
        listed.national_disease_code,
        application.institution_id,
        ids,
        application.diagnosis_code,
        application.diagnosis_basis,
        application.papers,
        missing,
        QualificationState.RETURNED if missing else QualificationState.APPLIED,
        start,
        None,
        maker,
        maker,
        now,
        renewed_qualification_id="" if renews is None else renews.qualification_id,
    )


def check_renewal(qualification: Qualification, listed: ListedDisease, *, today: dt.date) -> None:
    """Checks that what follows a qualification may be applied for today.

    Raises:
        RuleError: QUALIFICATION_STATE; RENEWAL_NOT_OPEN, too early, too late or without end.
    """
    check_step(qualification, Step.RENEW)
    end = qualification.end_date
    first = None if end is None else end - dt.timedelta(days=listed.renew_days)
    if end is None or first is None or not first <= today <= end:
        raise RuleError(
            Reason.RENEWAL_NOT_OPEN,
            f"qualification {qualification.qualification_id} is not renewed on {today}",
            qualification_id=qualification.qualification_id,
            first_day="" if first is None else first.isoformat(),
            last_day="" if end is None else end.isoformat(),
        )


def hand_in(
    qualification: Qualification,
    papers: Iterable[HandedPaper],
    *,
    listed: ListedDisease,
    maker: str,
) -> Qualification:
    """Returns a returned application with more papers; complete, it is applied for again.

    Raises:
        RuleError: QUALIFICATION_STATE, FIELD_OUT_OF_RANGE.
    """
    check_step(qualification, Step.HAND_IN)
    handed = tuple(papers)
    refuse_faults(_paper_faults(handed, listed))
    known = {each.paper_code: each for each in qualification.papers}
    brought = {each.paper_code: each for each in handed}
    # What the list asks for since then is missing as well.
    lacking = {*qualification.missing_paper_codes, *(set(listed.paper_codes) - known.keys())}
    missing = tuple(code for code in listed.paper_codes if code in lacking - brought.keys())
    return dataclasses.replace(
        qualification,
        papers=tuple((known | brought).values()),
        missing_paper_codes=missing,
        state=QualificationState.RETURNED if missing else QualificationState.APPLIED,
        last_maker=maker,
    )


def missing_papers(papers: Iterable[HandedPaper], listed: ListedDisease) -> tuple[str, ...]:
    """Returns the codes of all papers that are asked for and were not handed in."""
    handed = {each.paper_code for each in papers}
    return tuple(code for code in listed.paper_codes if code not in handed)


def _paper_faults(papers: Iterable[HandedPaper], listed: ListedDisease) -> list[FieldFault]:
    """Returns what is wrong with papers that are handed in."""
    faults, seen, known = [], set[str](), set(listed.paper_codes)
    for at, each in enumerate(papers):
        if each.paper_code not in known:
            faults.append(
                _fault(
                    f"papers[{at}].paper_code",
                    f"{each.paper_code} is no paper that the list asks for",
                )
            )
        elif each.paper_code in seen:
            faults.append(_fault(f"papers[{at}].paper_code", "is handed in twice"))
        seen.add(each.paper_code)
        if each.sha256 and len(each.sha256) != _SHA256_BYTES:
            faults.append(_fault(f"papers[{at}].sha256", f"has {_SHA256_BYTES} bytes, or none"))
    return faults


def _fault(field: str, message: str) -> FieldFault:
    return FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)

"""Qualifications and diseases as sent."""

from collections.abc import Callable, Iterable
from typing import Protocol

from google.protobuf.message import Message

from yibao.offsite.v1 import qualification_pb2 as pb
from yibao_common.rpc.wire import from_date, from_instant
from yibao_offsite.application.qualification.find import QualificationBook
from yibao_offsite.rules.qualification.listed import ListedDisease
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    HandedPaper,
    Qualification,
    QualificationEvent,
)


class _Answer(Protocol):
    """The constructor of an answer that holds a qualification."""

    def __call__(self, *, qualification: pb.Qualification) -> Message: ...


class QualificationMessages:
    """Writes qualifications; what is open elsewhere is as the list of today says."""

    def __init__(self, book: QualificationBook) -> None:
        """Takes what knows the lists."""
        self._book = book

    def encoder(self, answer: _Answer) -> Callable[[Qualification], bytes]:
        """Returns what writes an answer that holds a qualification."""

        def encode(qualification: Qualification) -> bytes:
            return answer(qualification=self.message(qualification)).SerializeToString()

        return encode

    def message(self, qualification: Qualification) -> pb.Qualification:
        """Returns a qualification as sent."""
        diseases = self._book.diseases(qualification.region)
        end, decided = qualification.end_date, qualification.decide_time
        return pb.Qualification(
            qualification_id=qualification.qualification_id,
            region=qualification.region,
            person_id=qualification.person_id,
            disease_code=qualification.disease_code,
            disease_name=qualification.disease_name,
            national_disease_code=qualification.national_disease_code,
            is_open_elsewhere=diseases.is_open_elsewhere(qualification.disease_code),
            state=pb.QualificationState.ValueType(qualification.state),
            institution_id=qualification.institution_id,
            treating_institution_ids=qualification.treating_institution_ids,
            diagnosis_code=qualification.diagnosis_code,
            diagnosis_basis=qualification.diagnosis_basis,
            papers=[
                pb.HandedPaper(paper_code=each.paper_code, sha256=each.sha256)
                for each in qualification.papers
            ],
            missing_paper_codes=qualification.missing_paper_codes,
            start_date=from_date(qualification.start_date),
            end_date=None if end is None else from_date(end),
            renewed_qualification_id=qualification.renewed_qualification_id,
            maker=qualification.maker,
            apply_time=from_instant(qualification.apply_time),
            checker=qualification.checker,
            decide_time=None if decided is None else from_instant(decided),
            explanation=qualification.explanation,
            carry_state=pb.CarryState.ValueType(qualification.carry_state),
            carry_problem=qualification.carry_problem,
            is_carried=qualification.carry_state is CarryState.CARRIED,
        )


def event_message(event: QualificationEvent) -> pb.QualificationEvent:
    """Returns what happened as sent."""
    return pb.QualificationEvent(
        kind=pb.QualificationEventKind.ValueType(event.kind),
        event_time=from_instant(event.event_time),
        actor=event.actor,
        explanation=event.explanation,
    )


def disease_message(listed: ListedDisease) -> pb.ChronicDisease:
    """Returns a disease of a list as sent."""
    return pb.ChronicDisease(
        disease_code=listed.disease_code,
        disease_name=listed.disease_name,
        national_disease_code=listed.national_disease_code,
        is_open_elsewhere=listed.is_open_elsewhere,
        valid_months=listed.valid_months or 0,
        renew_days=listed.renew_days,
        papers=[
            pb.AskedPaper(paper_code=each.paper_code, paper_name=each.paper_name)
            for each in listed.papers
        ],
        institution_ids=sorted(listed.institution_ids),
    )


def papers_of(papers: Iterable[pb.HandedPaper]) -> tuple[HandedPaper, ...]:
    """Returns papers that were handed in."""
    return tuple(HandedPaper(each.paper_code, each.sha256) for each in papers)

"""Pre-evaluations as rows: what was found and compared is sealed."""

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_offsite.application.evaluation.rows import EvaluationWish
from yibao_offsite.rules.evaluation import (
    Comparison,
    Evaluation,
    EvaluationAct,
    EvaluationEvent,
    EvaluationStanding,
    EvaluationState,
    Examination,
    Opinion,
    Referral,
)
from yibao_offsite.storage import tables

_TABLE, _ACT, _ = tables.evaluations
_encode = msgspec.json.Encoder().encode
# Numbers of the contract: category and states of registrations (registration.proto).
_REFERRAL, _SUBMITTED, _RETURNED = 4, 3, 4


class Record(NamedTuple):
    """What is sealed of an evaluation."""

    examination: Examination | None
    comparison: Comparison | None
    note: str


_record = msgspec.json.Decoder(Record).decode


class StoredEvaluations:
    """See `application.evaluation.EvaluationRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection; without a vault, nothing sealed is asked for."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def referral(self, registration_id: str) -> Referral | None:
        """Returns what is to be known of a registration, or None."""
        column = tables.registration.c
        query = sa.select(column.person_id, column.category, column.state).where(
            column.region == self._region, column.registration_id == registration_id
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        is_waiting = row.state in (_SUBMITTED, _RETURNED)
        return Referral(registration_id, row.person_id, row.category == _REFERRAL, is_waiting)

    def find_for(self, registration_id: str) -> EvaluationStanding | None:
        """Returns how the evaluation of a referral stands that was not cancelled, or None."""
        query = sa.select(_TABLE.c.evaluation_id, _TABLE.c.state, _TABLE.c.opinion).where(
            _TABLE.c.region == self._region,
            _TABLE.c.registration_id == registration_id,
            _TABLE.c.state != EvaluationState.CANCELLED.value,
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        opinion = None if row.opinion is None else Opinion(row.opinion)
        return EvaluationStanding(row.evaluation_id, EvaluationState(row.state), opinion)

    def find(self, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation, or None."""
        return self._one(self._named(evaluation_id))

    def lock(self, evaluation_id: str) -> Evaluation | None:
        """Locks an evaluation and returns it, or None."""
        return self._one(self._named(evaluation_id).with_for_update())

    def listed(self, wish: EvaluationWish, *, limit: int) -> list[Evaluation]:
        """Returns evaluations by their due days, then by their ids."""
        query = sa.select(_TABLE).where(_TABLE.c.region == self._region)
        for column, value in (
            (_TABLE.c.state, wish.state),
            (_TABLE.c.registration_id, wish.registration_id),
        ):
            if value is not None:
                query = query.where(column == value)
        if wish.person_ids:
            query = query.where(_TABLE.c.person_id.in_(wish.person_ids))
        if wish.due_by is not None:
            query = query.where(_TABLE.c.is_due.is_(True), _TABLE.c.due_date <= wish.due_by)
        if wish.after is not None:
            place = sa.tuple_(_TABLE.c.due_date, _TABLE.c.evaluation_id)
            query = query.where(place > wish.after)
        query = query.order_by(_TABLE.c.due_date, _TABLE.c.evaluation_id).limit(limit)
        return [self._evaluation_from(row) for row in self._connection.execute(query)]

    def acts(self, evaluation_id: str) -> list[EvaluationAct]:
        """Returns what happened to an evaluation, in that order."""
        query = (
            sa.select(_ACT)
            .where(_ACT.c.region == self._region, _ACT.c.evaluation_id == evaluation_id)
            .order_by(_ACT.c.number)
        )
        return [
            EvaluationAct(
                row.number, EvaluationEvent(row.event), row.acted_by, row.act_time, row.recheck_id
            )
            for row in self._connection.execute(query)
        ]

    def insert(self, evaluation: Evaluation) -> None:
        """Stores a new evaluation."""
        self._connection.execute(
            sa.insert(_TABLE).values(
                region=self._region,
                evaluation_id=evaluation.evaluation_id,
                registration_id=evaluation.registration_id,
                person_id=evaluation.person_id,
                opened_by=evaluation.opened_by,
                open_time=evaluation.open_time,
                **self._changing(evaluation),
            )
        )

    def update(self, evaluation: Evaluation) -> None:
        """Stores an evaluation that was locked and is changed now."""
        changed = self._connection.execute(
            sa.update(_TABLE)
            .where(
                _TABLE.c.region == self._region,
                _TABLE.c.evaluation_id == evaluation.evaluation_id,
                _TABLE.c.version == evaluation.version - 1,
            )
            .values(**self._changing(evaluation))
        )
        assert changed.rowcount == 1

    def add_act(self, evaluation_id: str, act: EvaluationAct) -> None:
        """Stores what was done."""
        self._connection.execute(
            sa.insert(_ACT).values(
                region=self._region,
                evaluation_id=evaluation_id,
                number=act.number,
                event=act.event.value,
                acted_by=act.acted_by,
                act_time=act.act_time,
                recheck_id=act.recheck_id,
            )
        )

    @property
    def _keys(self) -> Vault:
        assert self._vault is not None, "who has no keys asks for nothing sealed"
        return self._vault

    def _changing(self, evaluation: Evaluation) -> dict[str, object]:
        record = Record(evaluation.examination, evaluation.comparison, evaluation.note)
        place = self._place(evaluation.evaluation_id)
        opinion = evaluation.opinion
        return {
            "state": evaluation.state.value,
            "due_date": evaluation.due_date,
            "is_due": evaluation.is_due,
            "opinion": None if opinion is None else opinion.value,
            "sealed_record": self._keys.seal(_encode(record), place=place),
            "approved_by": evaluation.approved_by,
            "approve_time": evaluation.approve_time,
            "version": evaluation.version,
        }

    def _named(self, evaluation_id: str) -> sa.Select[Any]:
        return sa.select(_TABLE).where(
            _TABLE.c.region == self._region, _TABLE.c.evaluation_id == evaluation_id
        )

    def _one(self, query: sa.Select[Any]) -> Evaluation | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._evaluation_from(row)

    def _evaluation_from(self, row: sa.Row[Any]) -> Evaluation:
        place = self._place(row.evaluation_id)
        record = _record(self._keys.open(bytes(row.sealed_record), place=place))
        return Evaluation(
            row.region,
            row.evaluation_id,
            row.registration_id,
            row.person_id,
            EvaluationState(row.state),
            row.due_date,
            row.opened_by,
            row.open_time,
            row.version,
            record.examination,
            row.approved_by,
            row.approve_time,
            record.comparison,
            record.note,
        )

    def _place(self, evaluation_id: str) -> str:
        return f"{self._region}/pre_evaluation/{evaluation_id}/record"

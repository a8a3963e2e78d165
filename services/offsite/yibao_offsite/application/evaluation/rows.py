"""Pre-evaluations of a region, as transactions find and write them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_offsite.rules.evaluation import (
    Evaluation,
    EvaluationAct,
    EvaluationStanding,
    EvaluationState,
    Referral,
)


@dataclass(frozen=True, slots=True)
class EvaluationWish:
    """Which evaluations are listed; what is None limits nothing.

    `due_by` are those alone of which something is due on that day or before. `after` is the
    due day and the id behind which the list goes on. `person_ids` are records of one person;
    empty limits nothing.
    """

    state: EvaluationState | None = None
    due_by: dt.date | None = None
    person_ids: tuple[str, ...] = ()
    registration_id: str | None = None
    after: tuple[dt.date, str] | None = None


class EvaluationRows(Protocol):
    """Evaluations of a region, as one transaction finds, locks and writes them."""

    def referral(self, registration_id: str) -> Referral | None:
        """Returns what is to be known of a registration, or None."""
        ...

    def find_for(self, registration_id: str) -> EvaluationStanding | None:
        """Returns how the evaluation of a referral stands that was not cancelled, or None."""
        ...

    def find(self, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation, or None."""
        ...

    def lock(self, evaluation_id: str) -> Evaluation | None:
        """Locks an evaluation until the transaction ends and returns it, or None."""
        ...

    def listed(self, wish: EvaluationWish, *, limit: int) -> Sequence[Evaluation]:
        """Returns evaluations by their due days, then by their ids."""
        ...

    def acts(self, evaluation_id: str) -> Sequence[EvaluationAct]:
        """Returns what happened to an evaluation, in that order."""
        ...

    def insert(self, evaluation: Evaluation) -> None:
        """Stores a new evaluation."""
        ...

    def update(self, evaluation: Evaluation) -> None:
        """Stores an evaluation that was locked and is changed now."""
        ...

    def add_act(self, evaluation_id: str, act: EvaluationAct) -> None:
        """Stores what was done."""
        ...

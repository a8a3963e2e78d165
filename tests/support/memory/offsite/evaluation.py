"""Pre-evaluations and rechecks in memory."""

import dataclasses
from collections.abc import Sequence

from yibao_offsite.application.evaluation.rows import EvaluationRows, EvaluationWish
from yibao_offsite.application.recheck import RecheckRows, RecheckWish
from yibao_offsite.rules.evaluation import (
    Evaluation,
    EvaluationAct,
    EvaluationStanding,
    EvaluationState,
    Referral,
)
from yibao_offsite.rules.recheck import Recheck, RecheckState


@dataclasses.dataclass
class MemoryEvaluations(EvaluationRows):
    """Evaluations of one region, and the referrals that they may be of."""

    referrals: dict[str, Referral] = dataclasses.field(default_factory=dict)
    rows: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    done: list[tuple[str, EvaluationAct]] = dataclasses.field(default_factory=list)

    def referral(self, registration_id: str) -> Referral | None:
        return self.referrals.get(registration_id)

    def find_for(self, registration_id: str) -> EvaluationStanding | None:
        for each in self.rows.values():
            is_cancelled = each.state is EvaluationState.CANCELLED
            if each.registration_id == registration_id and not is_cancelled:
                return EvaluationStanding(each.evaluation_id, each.state, each.opinion)
        return None

    def find(self, evaluation_id: str) -> Evaluation | None:
        return self.rows.get(evaluation_id)

    def lock(self, evaluation_id: str) -> Evaluation | None:
        return self.rows.get(evaluation_id)

    def listed(self, wish: EvaluationWish, *, limit: int) -> Sequence[Evaluation]:
        found = [each for each in self.rows.values() if wish.state in (None, each.state)]
        return sorted(found, key=lambda each: (each.due_date, each.evaluation_id))[:limit]

    def acts(self, evaluation_id: str) -> list[EvaluationAct]:
        return [act for named, act in self.done if named == evaluation_id]

    def insert(self, evaluation: Evaluation) -> None:
        assert evaluation.evaluation_id not in self.rows
        self.rows[evaluation.evaluation_id] = evaluation

    def update(self, evaluation: Evaluation) -> None:
        assert self.rows[evaluation.evaluation_id].version == evaluation.version - 1
        self.rows[evaluation.evaluation_id] = evaluation

    def add_act(self, evaluation_id: str, act: EvaluationAct) -> None:
        self.done.append((evaluation_id, act))


@dataclasses.dataclass
class MemoryRechecks(RecheckRows):
    """Rechecks of one region."""

    rows: dict[str, Recheck] = dataclasses.field(default_factory=dict)

    def find(self, recheck_id: str) -> Recheck | None:
        return self.rows.get(recheck_id)

    def of_evaluation(self, evaluation_id: str) -> list[Recheck]:
        return [each for each in self.rows.values() if each.evaluation_id == evaluation_id]

    def listed(self, wish: RecheckWish, *, limit: int) -> Sequence[Recheck]:
        found = [each for each in self.rows.values() if wish.state in (None, each.state)]
        return sorted(found, key=lambda each: (each.due_date, each.recheck_id))[:limit]

    def insert(self, recheck: Recheck) -> None:
        self.rows[recheck.recheck_id] = recheck

    def update(self, recheck: Recheck) -> None:
        assert self.rows[recheck.recheck_id].state is RecheckState.CALLED
        self.rows[recheck.recheck_id] = recheck

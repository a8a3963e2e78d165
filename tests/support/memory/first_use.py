"""What settlement would say of first uses, without settlement."""

from dataclasses import dataclass, field

from yibao.settlement.v1 import visit_service_pb2 as pb
from yibao_common.values.errors import RuleError
from yibao_identity.servicer.card.first_use import FirstUses


@dataclass
class AnsweredFirstUses(FirstUses):
    """Answers `refusal` to every question, and keeps what was asked."""

    refusal: RuleError | None = None
    asked: list[pb.ValidateFirstUseRequest] = field(default_factory=list)

    def start(self) -> None:
        pass

    async def refusal_of(self, question: pb.ValidateFirstUseRequest) -> RuleError | None:
        self.asked.append(question)
        return self.refusal

    async def close(self) -> None:
        pass

"""What a command of a batch is: what it needs, and how it is decided.

Each kind of command is a module that states both. It carries the request that asks for
it, names what it refers to by ids only, and brings the function that writes its answer.
"""

from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.token import PresentedToken

# A code that was refused comes along with its refusal: a repeated request gets its first
# answer however old its code is by then. What a token stands for is known in the batch alone.
Code = PresentedCode | PresentedToken | RuleError


class Command(Protocol):
    """A change of what the settlement service stores."""

    @property
    def request(self) -> Request:
        """Who asks, under which id, for what."""
        ...

    def needs(self) -> Needs:
        """Returns what must be read before the command can be decided."""
        ...

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Carries the command out over the working set; returns the bytes of its answer.

        Raises RuleError where it is refused; the working set is then as it was.
        """
        ...

"""What is asked about links between relatives, and who answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller
from yibao_identity.rules.relative import LinkPurpose, Relation, RelativeLink

EncodeLink = Callable[[RelativeLink], bytes]


@dataclass(frozen=True, slots=True)
class RequestLink:
    """Asks a relative for a link."""

    request: Request
    person_id: str
    relative_id: str
    purpose: LinkPurpose
    relation: Relation


@dataclass(frozen=True, slots=True)
class ConfirmLink:
    """Agrees to a link, as the relative."""

    request: Request
    link_id: str
    relative_id: str


@dataclass(frozen=True, slots=True)
class EndLink:
    """Ends a link, as either of the two."""

    request: Request
    link_id: str
    person_id: str


class Relatives(Protocol):
    """Links between relatives. Blocks.

    Each change returns the answer's bytes, once by request id; a holder who acts for
    somebody else is refused with OUT_OF_SCOPE.
    """

    def request(self, command: RequestLink, encode: EncodeLink) -> bytes:
        """Stores what is asked for.

        Raises RuleError PERSON_NOT_FOUND, PERSON_MERGED, RELATION_NOT_ALLOWED,
        RELATIVE_LINK_EXISTS, RELATIVE_LINK_LIMIT, REQUEST_ID_REUSED.
        """
        ...

    def confirm(self, command: ConfirmLink, encode: EncodeLink) -> bytes:
        """Puts a link in force.

        Raises RuleError RELATIVE_LINK_NOT_FOUND, RELATIVE_LINK_STATE, RELATIVE_LINK_LIMIT,
        REQUEST_ID_REUSED.
        """
        ...

    def end(self, command: EndLink, encode: EncodeLink) -> bytes:
        """Ends a link.

        Raises RuleError RELATIVE_LINK_NOT_FOUND, RELATIVE_LINK_STATE, REQUEST_ID_REUSED.
        """
        ...

    def list(self, region: str, person_id: str, caller: Caller) -> Sequence[RelativeLink]:
        """Returns the links of a person, on either side: standing ones first, then newest.

        Raises RuleError PERSON_NOT_FOUND.
        """
        ...

"""Of whom papers may be handed in."""

from typing import TYPE_CHECKING

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


def lock_known(work: "Work", person_id: str) -> None:
    """Locks a person of whom papers come in; one who is dead or merged has papers as well.

    Raises:
        RuleError: PERSON_NOT_FOUND where persons are followed and this one is none.
    """
    if work.persons.lock(person_id) is None and work.persons.is_followed():
        raise RuleError(
            Reason.PERSON_NOT_FOUND, f"there is no person {person_id}", person_id=person_id
        )

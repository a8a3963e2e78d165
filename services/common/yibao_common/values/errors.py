"""Refusals, as the rules raise them and the server's edge translates them."""

from collections.abc import Sequence
from dataclasses import dataclass

from yibao_common.values.reasons import Reason


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One faulty field of a request: its path, why, and what was expected.

    `message_zh` says in Chinese what was expected; empty where the reason's sentence does.
    """

    field: str
    reason: Reason
    message: str
    message_zh: str = ""


class RuleError(Exception):
    """A refusal with a reason: the request was understood and nothing was stored.

    `metadata` repeats everything in `message` that varies; neither may hold names,
    identity numbers or other personal data.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        faults: Sequence[FieldFault] = (),
        faults_total: int = 0,
        **metadata: str | int,
    ) -> None:
        """Keeps the reason, the English message, field faults and metadata.

        `faults_total` is how many were found, where only some of them are given.
        """
        super().__init__(f"{reason.name}: {message}")
        self.reason = reason
        self.message = message
        self.faults = tuple(faults)
        self.faults_total = max(faults_total, len(self.faults))
        self.metadata = {key: str(value) for key, value in metadata.items()}


class TransientError(Exception):
    """The transaction failed through no fault of a command: run it again as it is."""


class InvariantError(AssertionError):
    """Something that money, secrets or the audit rest on does not hold: the program is wrong.

    Raised by statements, not by `assert`, so that nothing can leave the check out.
    """


def refuse_faults(faults: Sequence[FieldFault], *, total: int = 0) -> None:
    """Raises one RuleError that carries all `faults`; does nothing without any.

    Its reason is that of the faults where they share one, else FIELDS_INVALID. `total` is
    how many were found, where `faults` are only the first of them.
    """
    refusal = refusal_of(faults, total=total)
    if refusal is not None:
        raise refusal


def refusal_of(faults: Sequence[FieldFault], *, total: int = 0) -> RuleError | None:
    """Returns what `refuse_faults` would raise, None without any fault."""
    if not faults:
        return None
    reasons = {fault.reason for fault in faults}
    reason = reasons.pop() if len(reasons) == 1 else Reason.FIELDS_INVALID
    first = faults[0]
    total = max(total, len(faults))
    more = f" (and {total - 1} more)" if total > 1 else ""
    message = f"{first.field}: {first.message}{more}"
    return RuleError(reason, message, faults=faults, faults_total=total)


def named_once(id_field: str, own_id: str, **numbers: str) -> list[FieldFault]:
    """Returns what is wrong with how a request names something: by our id, or by all `numbers`.

    FIELD_REQUIRED where it is named in no way or by some of the numbers alone,
    FIELD_OUT_OF_RANGE where it is named in both.
    """
    given = [name for name, number in numbers.items() if number]
    if own_id:
        beside = f"stands beside {id_field}"
        return [FieldFault(name, Reason.FIELD_OUT_OF_RANGE, beside) for name in given]
    if not given:
        told = f"is required, or {' with '.join(numbers)} in its place"
        return [FieldFault(id_field, Reason.FIELD_REQUIRED, told)]
    beside = f"is required beside {given[0]}"
    missing = [name for name in numbers if name not in given]
    return [FieldFault(name, Reason.FIELD_REQUIRED, beside) for name in missing]

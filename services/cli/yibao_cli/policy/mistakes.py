"""Mistakes of files in both languages, for those who write policies."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_settlement.files.policy.mistakes_zh import mistake_zh


@contextlib.contextmanager
def mistakes_in_both_languages() -> Iterator[None]:
    """Tells each mistake of a file in Chinese below the English, as far as it is known."""
    try:
        yield
    except RuleError as refusal:
        refuse_faults([_in_both(fault) for fault in refusal.faults])
        raise


def _in_both(fault: FieldFault) -> FieldFault:
    told = mistake_zh(fault.message)
    return replace(fault, message=f"{fault.message}\n    {told}") if told else fault

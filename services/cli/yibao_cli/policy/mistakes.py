"""Mistakes of files in both languages, for those who write policies."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from yibao_cli.output import is_json
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_settlement.files.policy.mistakes_zh import in_both_languages


@contextlib.contextmanager
def mistakes_in_both_languages() -> Iterator[None]:
    """Tells each mistake of a file in Chinese below the English, as far as it is known.

    A program gets both apart.
    """
    try:
        yield
    except RuleError as refusal:
        refuse_faults([_beneath(fault) for fault in in_both_languages(refusal.faults)])
        raise


def _beneath(fault: FieldFault) -> FieldFault:
    told = "" if is_json() else fault.message_zh
    return replace(fault, message=f"{fault.message}\n    {told}") if told else fault

"""What an examination finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was examined and what is wrong with it; an empty `problem` means nothing."""

    subject: str
    problem: str = ""
    remark: str = ""

"""The parts of a file: of one length but the last, so that no file grows beyond what was told."""

import hashlib
from collections.abc import Collection

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

PART_BYTES = 524_288
# The most numbers of missing parts that are told.
_TOLD_PARTS = 100


def part_count(size_bytes: int) -> int:
    """Returns of how many parts a file of so many bytes consists."""
    return -(-size_bytes // PART_BYTES)


def check_size(size_bytes: int, *, max_bytes: int) -> None:
    """Refuses a file that is told to be too large. Raises RuleError MATERIAL_TOO_LARGE."""
    if size_bytes > max_bytes:
        raise RuleError(
            Reason.MATERIAL_TOO_LARGE,
            f"a file of {size_bytes} bytes is larger than {max_bytes}",
            size_bytes=size_bytes,
            max_bytes=max_bytes,
        )


def check_part(number: int, data: bytes, *, size_bytes: int) -> None:
    """Checks that a file has this part, of this length.

    Raises:
        RuleError: MATERIAL_PART_WRONG.
    """
    count = part_count(size_bytes)
    expected = 0
    if number <= count:
        expected = PART_BYTES if number < count else size_bytes - (count - 1) * PART_BYTES
    if len(data) != expected or not expected:
        raise wrong_part(number, count, expected)


def wrong_part(number: int, count: int, expected_bytes: int = 0) -> RuleError:
    """Returns the refusal of a part that the file does not have, or of another length."""
    return RuleError(
        Reason.MATERIAL_PART_WRONG,
        f"part {number} of {count} has {expected_bytes} bytes",
        part_number=number,
        part_count=count,
        expected_bytes=expected_bytes,
    )


def check_hash(data: bytes, told: bytes, *, number: int) -> None:
    """Checks that bytes are those that were told of. Raises RuleError MATERIAL_HASH_WRONG."""
    check_digest(hashlib.sha256(data).digest(), told, number=number)


def check_digest(found: bytes, told: bytes, *, number: int) -> None:
    """Does what `check_hash` does by the SHA-256 that was found; `number` is 0 of the whole file.

    Raises:
        RuleError: MATERIAL_HASH_WRONG.
    """
    if found != told:
        raise RuleError(
            Reason.MATERIAL_HASH_WRONG,
            f"the bytes are not those that were told of, at part {number}",
            part_number=number,
        )


def missing(size_bytes: int, stored: Collection[int]) -> list[int]:
    """Returns the numbers of the parts that have not come."""
    return [number for number in range(1, part_count(size_bytes) + 1) if number not in stored]


def told_missing(numbers: list[int]) -> list[int]:
    """Returns the first of missing parts, as many as are told."""
    return numbers[:_TOLD_PARTS]


def check_whole(missing_parts: list[int]) -> None:
    """Refuses a file whose parts have not all come. Raises RuleError MATERIAL_INCOMPLETE."""
    if missing_parts:
        raise RuleError(
            Reason.MATERIAL_INCOMPLETE,
            f"{len(missing_parts)} parts are missing, the first is {missing_parts[0]}",
            missing_count=len(missing_parts),
            missing_parts=",".join(map(str, told_missing(missing_parts))),
        )

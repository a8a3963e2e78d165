"""Whether the files hold the secrets that the database was filled with."""

import datetime as dt

import pytest
from support.memory.secret import MemorySecrets

from yibao_identity.application.secret import (
    HASH_KEY,
    SecretKind,
    keep_checks,
    wrong_secrets,
)

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
SEALING, PEPPER = (SecretKind.ENCRYPTION_KEY, "aa"), (SecretKind.PEPPER, "7")
HELD = {HASH_KEY: b"h", SEALING: b"e", PEPPER: b"p"}


def test_the_first_start_records_what_is_held() -> None:
    rows = MemorySecrets()
    assert keep_checks(rows, HELD, at=NOW) == []
    assert rows.rows == HELD
    assert keep_checks(rows, HELD, at=NOW) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (MemorySecrets({**HELD, HASH_KEY: b"x"}), "the hash key is another one"),
        (MemorySecrets({**HELD, PEPPER: b"x"}), "a pepper 7 is another one"),
        (MemorySecrets(is_hash_right=False), "the hash key is another one"),
        (MemorySecrets(in_use={SecretKind.PEPPER: {"9"}}), "a pepper 9 that is in use is missing"),
        (
            MemorySecrets(
                {**HELD, (SecretKind.ENCRYPTION_KEY, "bb"): b"x"},
                {SecretKind.ENCRYPTION_KEY: {"aa", "bb"}},
            ),
            "an encryption key bb that is in use is missing",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_recorded(rows: MemorySecrets, said: str) -> None:
    before = dict(rows.rows)
    (problem,) = keep_checks(rows, HELD, at=NOW)
    assert said in problem
    assert rows.rows == before


def test_what_nothing_needs_any_more_may_be_missing() -> None:
    rows = MemorySecrets({**HELD, (SecretKind.PEPPER, "9"): b"x"}, {SecretKind.PEPPER: {"7"}})
    assert wrong_secrets(rows, HELD) == []


def test_of_two_processes_that_start_first_at_once_one_is_refused() -> None:
    rows = MemorySecrets(ahead={HASH_KEY: b"x"})
    (problem,) = keep_checks(rows, HELD, at=NOW)
    assert problem.startswith("the hash key is another one")

"""Nothing that keeps books runs where Python leaves asserts out; what money rests on is kept."""

import os
import subprocess
import sys

import pytest

LEFT_OUT = "yibao does not run under python -O"


@pytest.mark.parametrize(
    "program",
    [
        ["yibao_identity.main", "--config", "nothing.toml"],
        ["yibao_settlement.main", "--config", "nothing.toml"],
        ["yibao_offsite.main", "--config", "nothing.toml"],
        ["yibao_cli.main", "up"],
        ["yibao_cli.main", "demo"],
    ],
    ids=lambda program: " ".join(program[:2]),
)
def test_a_program_says_why_it_does_not_start(program: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *program],
        env={**os.environ, "PYTHONOPTIMIZE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(LEFT_OUT)
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


BROKEN = """
import datetime as dt
from yibao_common.commands.counted import encode_outcome
from yibao_common.keys.vault import Vault
from yibao_common.rpc.callers import current_caller
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, InvariantError, RuleError
from yibao_common.values.money import share_half_up_fen
from yibao_common.values.reasons import Reason

fault = FieldFault("a", Reason.FIELDS_INVALID, "a")
for broken in (
    lambda: share_half_up_fen(-1, ratio_ppm=1),
    lambda: share_half_up_fen(1, ratio_ppm=1_000_001),
    lambda: shanghai_day(dt.datetime(2026, 1, 1)),
    lambda: encode_outcome(RuleError(Reason.FIELDS_INVALID, "a", faults=[fault])),
    lambda: Vault([], bytes(32), random_bytes=bytes),
    current_caller,
):
    try:
        broken()
    except InvariantError:
        continue
    raise SystemExit("not refused")
"""


def test_what_money_and_secrets_rest_on_is_checked_even_there() -> None:
    ended = subprocess.run(
        [sys.executable, "-O", "-c", BROKEN], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr

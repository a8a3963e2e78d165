"""The configuration of the settlement service."""

import datetime as dt
from pathlib import Path

import pytest

from yibao_common.process.config import ConfigError
from yibao_common.process.config_file import load_config
from yibao_settlement.config import SettlementConfig
from yibao_settlement.rules.elsewhere.registered import Benefit
from yibao_settlement.rules.restating import OwnDebts

PLAIN = """
[server]
address = "127.0.0.1:0"
insecure = true
[database]
url = "sqlite:///settlement.db"
[identity]
address = "127.0.0.1:50051"
regions = ["500112", "999019"]
root_file = "root-1.cose"
"""


def load(path: Path, more: str) -> SettlementConfig:
    file = path / "settlement.toml"
    file.write_text(PLAIN + more, encoding="utf-8")
    return load_config(SettlementConfig, path=file, environ={})


def test_a_region_says_which_money_pays_first(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[accounts]\ncarried_first_in = ["999019"]\n')
    assert loaded.accounts.carried_first_in == ("999019",)


def test_a_region_says_what_becomes_of_debts_of_own_later_bills(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[refunds]\nown_debts = {"999019" = "restate", "500112" = "refuse"}\n')
    assert loaded.refunds.own_debts == {"999019": OwnDebts.RESTATE, "500112": OwnDebts.REFUSE}
    with pytest.raises(ConfigError, match="own_debts"):
        load(tmp_path, '[refunds]\nown_debts = {"999019" = "sometimes"}\n')
    with pytest.raises(ConfigError, match=r"refunds\.own_debts must have regions of"):
        load(tmp_path, '[refunds]\nown_debts = {"999018" = "restate"}\n')


def test_news_of_registrations_grow_old_where_they_are_followed_alone(tmp_path: Path) -> None:
    said = """
[elsewhere]
unregistered_reduced_in = ["500112", "999019"]
revoked_emergency_paid_in = ["999019"]
"""
    followed = """
[offsite]
address = "127.0.0.1:50053"
regions = ["500112"]
max_feed_age_hours = 6
"""
    _, terms = load(tmp_path, said + followed).terms
    assert terms["500112"].max_news_age == dt.timedelta(hours=6)
    assert terms["999019"].max_news_age is None
    assert [terms[each].is_revoked_emergency_paid for each in ("500112", "999019")] == [False, True]
    _, terms = load(tmp_path, said).terms
    assert terms["500112"].max_news_age is None
    assert terms["500112"].is_unregistered_reduced


def test_what_is_opened_to_nobody_is_refused(tmp_path: Path) -> None:
    opened = 'opened = {"999019" = ["outpatient"]}\n'
    with pytest.raises(ConfigError, match="opened must have regions of unregistered_reduced_in"):
        load(tmp_path, f"[elsewhere]\n{opened}")
    reduced = 'unregistered_reduced_in = ["999019"]\n'
    loaded = load(tmp_path, f"[elsewhere]\n{reduced}{opened}")
    assert loaded.terms[1]["999019"].opened == {Benefit.OUTPATIENT}
    twice = 'opened = {"999019" = ["outpatient", "outpatient"]}\n'
    with pytest.raises(ConfigError, match="opened of 999019 must name each benefit once"):
        load(tmp_path, f"[elsewhere]\n{reduced}{twice}")


@pytest.mark.parametrize(("suspend", "is_taken"), [(11, True), (12, False), (13, False)])
def test_points_suspend_before_they_end_a_qualification(
    tmp_path: Path, suspend: int, is_taken: bool
) -> None:
    said = f"[suspensions]\nsuspend_from_points = {suspend}\n"
    if is_taken:
        assert load(tmp_path, said).suspensions.suspend_from_points == suspend
        return
    with pytest.raises(ConfigError, match="suspend_from_points must be less than end_from_points"):
        load(tmp_path, said)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("accounts", "carried_first_in"),
        ("accounts", "no_recharge_in"),
        ("visits", "discharge_required_in"),
        ("elsewhere", "revoked_emergency_paid_in"),
    ],
)
def test_nothing_is_said_of_a_region_that_is_not_served(
    tmp_path: Path, section: str, key: str
) -> None:
    # A digit mistyped would leave the region with the other order of its purses, unseen.
    with pytest.raises(ConfigError, match=f"{section}.{key} must have regions of identity.regions"):
        load(tmp_path, f'[{section}]\n{key} = ["999019", "999018"]\n')

"""`yibao doctor` finds what keeps a service from working, before it is started."""

import contextlib
import datetime as dt
import io
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console
from support.serving import open_test_log
from typer.testing import CliRunner

from yibao_cli.doctor.audit import AUDITS
from yibao_cli.doctor.command import run_doctor
from yibao_cli.doctor.ledger import (
    ledger_findings,
    ledger_scope,
    ledger_summary,
    overdue_holds,
)
from yibao_cli.loading import published_stays
from yibao_cli.main import app
from yibao_cli.parties import SERVICES
from yibao_cli.sandbox import Settings, prepare
from yibao_common.commands.audit import AuditEntry
from yibao_common.db.audit_chain import record_refused
from yibao_common.db.database import Database
from yibao_common.process import compiled
from yibao_common.process.compiled import Compiled
from yibao_common.process.config import StartError
from yibao_common.process.config_file import load_config
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import new_id
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService
from yibao_settlement.ledger_check import INVARIANTS, Drift, LedgerReport, Only


@pytest.fixture(scope="module")
def config_files(
    tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path
) -> Mapping[str, Path]:
    """Returns the configurations of a sandbox in which nothing runs."""
    folder = Path(shutil.copytree(sandbox_keys, tmp_path_factory.mktemp("doctor") / "sandbox"))
    settings = Settings(
        addresses=dict.fromkeys(SERVICES, "127.0.0.1:1"),
        database_urls={},
        processes=dict.fromkeys(SERVICES, 1),
        reflection=False,
        poll_seconds=1,
        log_level="info",
    )
    return prepare(folder, published_stays()[:1], settings).config_files


def examine(
    paths: list[Path],
    *,
    with_health: bool = False,
    with_ledger: bool = False,
    with_audit: bool = False,
    clock: Clock = system_clock,
    only: Only | None = None,
) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=80)
    code = run_doctor(
        console,
        paths,
        with_health=with_health,
        with_ledger=with_ledger,
        with_audit=with_audit,
        clock=clock,
        only=only,
    )
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def changed(path: Path, folder: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    copy = folder / path.name
    copy.write_text(text.replace(old, new))
    return copy


def test_a_whole_sandbox_is_well_and_its_ledger_too(config_files: Mapping[str, Path]) -> None:
    code, shown = examine(list(config_files.values()), with_ledger=True)
    assert code == 0, shown
    assert "✗" not in shown
    for invariant in INVARIANTS:
        assert f"✓ {invariant}" in shown


def test_compiled_modules_of_other_sources_are_a_fault(
    config_files: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = list(config_files.values())
    for found, code, told in (
        (Compiled(), 0, "compiled modules: none"),
        (Compiled(7), 0, "compiled modules: 7 are used"),
        (Compiled(problem="of other sources"), 1, "compiled modules: not used: of other sources"),
    ):
        monkeypatch.setattr(compiled, "_found", found)
        ended, shown = examine(paths)
        assert (ended, told in shown) == (code, True), shown


@pytest.mark.parametrize("service", SERVICES)
def test_an_audit_row_that_was_altered_is_found(
    config_files: Mapping[str, Path], tmp_path: Path, service: str
) -> None:
    """I-05: what supervisors read is what was done."""
    copy = tmp_path / f"{service}.sqlite"
    database_file = config_files[service].parent / f"{service}.sqlite"
    shutil.copy(database_file, copy)
    path = changed(config_files[service], tmp_path, str(database_file), str(copy))
    audit = AUDITS[service]
    code, shown = examine([path], with_audit=True)
    assert code == 0, shown
    assert "✓ audit: it has no rows" in shown
    with contextlib.closing(Database(f"sqlite:///{copy}")) as database:
        for outcome in ("OK", "PIN_INCORRECT"):
            now, caller = system_clock(), "agency/999019/wang"
            entry = AuditEntry("999019", now, caller, "VerifyPin", (new_id(),), outcome, {}, "")
            record_refused(database, audit, entry)
        assert examine([path], with_audit=True)[0] == 0
        event = audit.event
        with database.write() as connection:
            connection.execute(sa.update(event).where(event.c.sequence == 2).values(outcome="OK"))
    code, shown = examine([path], with_audit=True)
    assert code == 1
    assert "✗ audit of region 999019: row 2: its hash does not match its contents" in shown


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_does_not_run_is_found(
    config_files: Mapping[str, Path], service: str
) -> None:
    code, shown = examine([config_files[service]], with_health=True)
    assert code == 1
    assert f"✗ health at 127.0.0.1:1: {service} does not answer" in shown


def test_settlement_is_looked_for_where_identity_would_ask_it(
    config_files: Mapping[str, Path], tmp_path: Path
) -> None:
    path = config_files["identity"]
    code, shown = examine([path], with_health=True)
    assert code == 1
    told = "✗ settlement at 127.0.0.1:1: settlement.address: settlement does not answer"
    assert told in shown
    text = path.read_text()
    table = text[text.index("[settlement]") :].partition("\n\n")[0]
    without = changed(path, tmp_path, table, "")
    _, shown = examine([without], with_health=True)
    assert "✓ settlement: settlement.address is not set: cards are activated at counters" in shown


def test_certificates_that_have_ended_are_found(config_files: Mapping[str, Path]) -> None:
    later = system_clock() + dt.timedelta(days=31)
    code, shown = examine([config_files["offsite"]], clock=lambda: later)
    assert code == 1
    assert "✗ certificate" in shown


def test_certificates_that_end_soon_are_pointed_out(config_files: Mapping[str, Path]) -> None:
    later = system_clock() + dt.timedelta(days=20)
    code, shown = examine([config_files["offsite"]], clock=lambda: later)
    assert code == 0
    assert "RENEW SOON, ends in" in shown


@pytest.mark.parametrize(
    ("days", "told"),
    [
        # The ceremony takes longer than a rotation.
        (1098 - 20, ("✓ root of trust 1: RENEW SOON, ends in", "✓ tok key: ends in")),
        (1098 + 1, ("✗ root of trust 1: ended at", "✗ tok key: ended at", "✗ status key: ended")),
    ],
)
def test_keys_and_roots_that_end_are_told(
    config_files: Mapping[str, Path], days: int, told: tuple[str, ...]
) -> None:
    later = system_clock() + dt.timedelta(days=days)
    _, shown = examine([config_files["identity"]], clock=lambda: later)
    for each in told:
        assert each in shown


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-01T12:00", "tells of holidays until 2026-12-31"),
        ("2026-11-02T12:00", "RENEW SOON, tells of holidays until 2026-12-31"),
        ("2027-01-01T00:00", "WARNING: it tells of holidays until 2026-12-31 alone; those since"),
    ],
)
def test_a_calendar_that_ends_is_pointed_out(
    config_files: Mapping[str, Path], at: str, told: str
) -> None:
    now = dt.datetime.fromisoformat(f"{at}+08:00")
    _, shown = examine([config_files["offsite"]], clock=lambda: now)
    assert f"✓ calendar of working days: {told}" in shown


@pytest.mark.parametrize(("bytes_", "is_told"), [(599_999, True), (600_000, False)])
def test_papers_for_which_requests_are_too_small_are_told_by_offsite_and_doctor(
    config_files: Mapping[str, Path], tmp_path: Path, bytes_: int, is_told: bool
) -> None:
    path = changed(
        config_files["offsite"], tmp_path, "[server]", f"[server]\nmax_message_bytes = {bytes_}"
    )
    _, shown = examine([path])
    assert ("WARNING: no part of a paper fits" in shown) is is_told
    log, lines = open_test_log()
    config = load_config(OffsiteConfig, path=path, environ={})
    service = OffsiteService(config, log=log, clock=system_clock)
    service.database.close()
    assert ("papers do not fit" in lines.getvalue()) is is_told


@pytest.mark.parametrize(
    ("service", "old", "new", "found"),
    [
        ("offsite", "offsite.pem", "identity.pem", "is not the key of"),
        ("offsite", "offsite.pem", "nothing.pem", "cannot be read"),
        ("offsite", "offsite.sqlite", "nothing.sqlite", "there is no such file"),
        ("offsite", "offsite.sqlite", "identity.sqlite", "holds no schema of offsite"),
        ("offsite", "[log]", "[logs]", "unknown key"),
        ("settlement", "root-1.cose", "root-1.pem", "not a root document"),
        ("settlement", "root-1.cose", "nothing.cose", "cannot be read"),
        ("identity", "keys/private", "nowhere", "private half of the tok key"),
        ("identity", "regions = [", 'regions = ["110000", ', "does not sign for 110000"),
        ("identity", "hash.hex", "nothing.hex", "nothing.hex: cannot be read"),
    ],
)
def test_what_would_keep_a_service_from_starting_is_found(
    config_files: Mapping[str, Path],
    tmp_path: Path,
    service: str,
    old: str,
    new: str,
    found: str,
) -> None:
    path = changed(config_files[service], tmp_path, old, new)
    code, shown = examine([path])
    assert code == 1
    (told,) = (line for line in shown.splitlines() if "✗" in line)
    assert found in told


def test_a_database_that_is_missing_is_made_by_an_upgrade(
    config_files: Mapping[str, Path], tmp_path: Path
) -> None:
    database = str(config_files["offsite"].parent / "offsite.sqlite")
    path = changed(config_files["offsite"], tmp_path, database, str(tmp_path / "new.sqlite"))
    assert examine([path])[0] == 1
    for _ in range(2):
        result = CliRunner().invoke(app, ["db", "upgrade", "--config", str(path)])
        assert result.exit_code == 0, result.output
    assert examine([path])[0] == 0


def test_checkpoints_of_settlement_are_made_anew(config_files: Mapping[str, Path]) -> None:
    result = CliRunner().invoke(app, ["db", "refold", "--config", str(config_files["settlement"])])
    assert result.exit_code == 0, result.output
    assert "0 accounts folded" in result.output
    result = CliRunner().invoke(app, ["db", "refold", "--config", str(config_files["offsite"])])
    assert (result.exit_code, "is settlement's" in result.output) == (2, True)


def test_the_password_of_a_database_is_not_shown(
    config_files: Mapping[str, Path], tmp_path: Path
) -> None:
    url = "postgresql+psycopg://yibao:hunter2@127.0.0.1:1/x"
    path = config_files["offsite"]
    line = next(line for line in path.read_text().splitlines() if line.startswith("url"))
    code, shown = examine([changed(path, tmp_path, line, f'url = "{url}"')])
    assert code == 1
    assert "nothing answers there" in shown
    assert "hunter2" not in shown


def test_each_drift_of_the_ledger_is_a_finding_and_the_rest_holds() -> None:
    report = LedgerReport(drifts=[Drift("500112", INVARIANTS[0], "posting-1", "sums to 1 fen")])
    first, *others = ledger_findings(report)
    assert first.problem == "posting-1 of region 500112 sums to 1 fen"
    assert [each.subject for each in others] == list(INVARIANTS[1:])
    assert not any(each.problem for each in others)


def test_what_payers_paid_too_much_is_told_in_yuan() -> None:
    report = LedgerReport(
        overpaid_fen={"fund:390100": 40_000, "bearer:treasury": -1_001},
        unexamined=2,
    )
    *_, paid = ledger_findings(report)
    assert paid.problem == "389.99 yuan in all: bearer:treasury -10.01, fund:390100 400.00"
    assert "; 2 bills were not decided again" in ledger_summary(report)
    assert "decided" not in ledger_summary(LedgerReport())


def test_a_hold_that_ran_out_and_stands_is_told() -> None:
    now = system_clock()
    until = {"old": now - dt.timedelta(minutes=2), "new": now - dt.timedelta(seconds=30)}
    (found,) = overdue_holds(LedgerReport(held_until=until), now=now)
    assert found.problem.startswith("old ran out")


def test_persons_of_the_ledger_are_named_by_id_or_by_a_day_of_china() -> None:
    begin = dt.datetime(2026, 11, 27, 16, tzinfo=dt.UTC)
    now = begin + dt.timedelta(hours=1)
    assert ledger_scope(person_id=None, since=None, now=now) is None
    assert ledger_scope(person_id="p", since=None, now=now) == Only(person_id="p")
    assert ledger_scope(person_id=None, since="2026-11-28", now=now) == Only(since=begin)
    slips = [("p", "2026-11-28"), *((None, each) for each in ("yesterday", "0001-01-01"))]
    for person_id, since in (*slips, (None, "2026-11-29")):
        with pytest.raises(StartError, match="--since"):
            ledger_scope(person_id=person_id, since=since, now=now)


def test_books_that_nobody_could_examine_are_not_well(config_files: Mapping[str, Path]) -> None:
    code, shown = examine([config_files["offsite"]], with_ledger=True)
    assert code == 1
    assert "nothing was examined" in shown
    code, shown = examine([config_files["offsite"], config_files["settlement"]], with_ledger=True)
    assert code == 0, shown


def test_a_person_of_whom_nothing_is_known_is_told(config_files: Mapping[str, Path]) -> None:
    person_id = new_id()
    code, shown = examine(
        [config_files["settlement"]], with_ledger=True, only=Only(person_id=person_id)
    )
    assert code == 1
    assert f"nothing is known of {person_id}" in shown
    since = Only(since=system_clock())
    code, shown = examine([config_files["settlement"]], with_ledger=True, only=since)
    assert code == 0, shown
    # What takes everybody to be proven is not said to hold.
    assert INVARIANTS[3] not in shown
    assert f"✓ {INVARIANTS[12]}" in shown

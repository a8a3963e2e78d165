"""`yibao doctor`: what is wrong with an installation, before and while it runs."""

from pathlib import Path

from rich.console import Console

from yibao_cli.doctor.audit import examine_audit
from yibao_cli.doctor.checks import (
    examine_compiled,
    examine_database,
    examine_files,
    examine_health,
)
from yibao_cli.doctor.finding import Finding
from yibao_cli.doctor.followed import examine_known_persons, examine_registrations
from yibao_cli.doctor.ledger import (
    examine_ledger,
    ledger_findings,
    ledger_summary,
    overdue_holds,
)
from yibao_cli.doctor.lists import examine_lists
from yibao_cli.doctor.news import examine_news
from yibao_cli.doctor.peer import examine_identity, examine_settlement
from yibao_cli.doctor.persons import examine_persons
from yibao_cli.doctor.report import Report
from yibao_cli.services import ServiceConfig, config_files, read_config
from yibao_common.commands.sandbox import open_sandbox_clock
from yibao_common.db.opening import opened_database
from yibao_common.process.compiled import compiled_modules
from yibao_common.process.config import ConfigError, StartError
from yibao_common.process.logs import open_log
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_identity.config import IdentityConfig
from yibao_offsite.config import OffsiteConfig
from yibao_settlement.config import SettlementConfig
from yibao_settlement.ledger_check import Only


def run_doctor(
    console: Console,
    given: list[Path],
    *,
    with_health: bool,
    with_ledger: bool,
    with_audit: bool,
    clock: Clock,
    only: Only | None = None,
) -> int:
    """Examines every configuration; returns 1 where anything is wrong.

    `only` tells of whom the ledger is examined, where not all of it is.

    Raises:
        StartError: there is nothing to examine.
    """
    given = config_files(given)
    report = Report(console)
    report.show(examine_compiled(compiled_modules()))
    has_settlement = False
    for path in given:
        try:
            found = read_config(path)
        except ConfigError as error:
            report.open_part("", str(path))
            for each in error.problems:
                report.show(Finding("configuration", each))
            continue
        has_settlement |= found.service == "settlement"
        report.open_part(found.service, str(path))
        report.show(Finding("configuration"))
        own_clock = _show_sandbox(report, found) or clock
        for finding in examine_files(found, clock=own_clock):
            report.show(finding)
        has_database = report.show(examine_database(found))
        if has_database and isinstance(found.config, IdentityConfig):
            _examine_persons(report, found.config, clock=own_clock)
        if has_database and isinstance(found.config, SettlementConfig):
            _examine_lists(report, found.config, clock=own_clock)
        if with_health:
            _examine_running(report, found, has_database=has_database, clock=own_clock)
        if with_ledger and has_database and found.service == "settlement":
            _examine_ledger(report, found, only, clock=own_clock)
        if with_audit and has_database:
            _examine_audit(report, found)
    if with_ledger and not has_settlement:
        report.open_part("ledger")
        problem = "no configuration of settlement can be read: nothing was examined"
        report.show(Finding("books", problem))
    return report.close()


def _show_sandbox(report: Report, found: ServiceConfig) -> Clock | None:
    """Returns the clock of a sandbox that can be moved, and shows where this must be none."""
    try:
        return open_sandbox_clock(found.config)
    except StartError as error:
        report.show(Finding("sandbox", str(error)))
        return None


def _examine_running(
    report: Report, found: ServiceConfig, *, has_database: bool, clock: Clock
) -> None:
    report.show(examine_health(found))
    if isinstance(found.config, IdentityConfig):
        report.show(examine_settlement(found.config, clock=clock))
    if isinstance(found.config, SettlementConfig):
        asked = list(examine_identity(found.config, clock=clock))
        if has_database and not asked[0].problem:
            asked += examine_news(found.config, clock=clock)
        if has_database:
            asked += examine_registrations(found.config, clock=clock)
        for finding in asked:
            report.show(finding)
    if isinstance(found.config, OffsiteConfig) and has_database:
        for finding in examine_known_persons(found.config, clock=clock):
            report.show(finding)


def _examine_ledger(
    report: Report, found: ServiceConfig, only: Only | None, *, clock: Clock
) -> None:
    log = open_log(found.config.log, service=found.service, clock=clock)
    with opened_database(found.config.database.url, package=found.package) as database:
        books = examine_ledger(database, only, log=log)
    subject, _, remark = ledger_summary(books).partition(": ")
    report.remark(subject, remark)
    if only is not None and only.person_id is not None and not books.persons:
        report.show(Finding("person", f"nothing is known of {only.person_id}"))
        return
    for finding in (*ledger_findings(books), *overdue_holds(books, now=clock())):
        report.show(finding)


def _examine_persons(report: Report, config: IdentityConfig, *, clock: Clock) -> None:
    with opened_database(config.database.url, package="yibao_identity") as database:
        for finding in examine_persons(config, database, clock=clock):
            report.show(finding)


def _examine_lists(report: Report, config: SettlementConfig, *, clock: Clock) -> None:
    with opened_database(config.database.url, package="yibao_settlement") as database:
        today = shanghai_day(clock())
        for finding in examine_lists(database, config.identity.regions, today=today):
            report.show(finding)


def _examine_audit(report: Report, found: ServiceConfig) -> None:
    with opened_database(found.config.database.url, package=found.package) as database:
        for finding in examine_audit(database, service=found.service):
            report.show(finding)

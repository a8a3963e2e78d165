"""`yibao due` against the service: of every list, up to a day of Shanghai, in one order."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.databases import SqliteDatabases
from support.due_desk import FRIDAY, PERSON, Desk, fill_desk
from support.paper_service import issue, serving
from support.threads import in_a_thread

from yibao_cli.due import pages
from yibao_common.values.calendar import SHANGHAI


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Runs the service with something of each kind in it."""
    folder = tmp_path_factory.mktemp("due")
    issued, made = issue(folder), Desk(folder)
    databases = SqliteDatabases(folder)
    database = databases.open("yibao_offsite")
    url = database.engine.url.render_as_string(hide_password=False)
    with in_a_thread(lambda: serving(issued, url, clock=made.clock)) as made.port:
        fill_desk(made, database)
        yield made
    databases.close()


def told(document: Any) -> list[tuple[str, str, str]]:
    return [(each["standing"], each["date"], each["kind"]) for each in document["due"]]


WAITING = [
    ("WAITS", "2026-11-20", "qualification"),
    ("WAITS", "2026-11-27", "qualification"),
    ("WAITS", "2026-11-27", "waiver"),
]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (
            dt.datetime(2026, 11, 27, 23, 59, 59, tzinfo=SHANGHAI),
            [("DUE", "2026-11-27", "evaluation"), ("DUE", "2026-11-27", "audit")],
        ),
        # Still the 27th in UTC.
        (
            dt.datetime(2026, 11, 28, 0, 0, 0, tzinfo=SHANGHAI),
            [
                ("OVERDUE", "2026-11-27", "evaluation"),
                ("OVERDUE", "2026-11-27", "audit"),
                ("OVERDUE", "2026-11-27", "hold"),
                ("DUE", "2026-11-28", "registration"),
            ],
        ),
    ],
)
def test_a_day_ends_at_midnight_in_shanghai_by_the_clock_of_the_server(
    desk: Desk, now: dt.datetime, due: list[tuple[str, str, str]]
) -> None:
    desk.now = now
    document = desk.due()
    assert (document["today"], document["until"]) == (str(now.date()), str(now.date()))
    assert told(document) == [*due, *WAITING]
    there = {kind for _, _, kind in told(document)}
    assert {"ticket", "recheck", "assistance", "complaint"} <= set(document["nothing_of"])
    assert there.isdisjoint(document["nothing_of"])
    assert document["not_kept"] == []


def test_every_list_is_read_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.now = FRIDAY
    whole = desk.due("--until", "2027-06-30")
    monkeypatch.setattr(pages, "_PAGE", 1)
    document = desk.due("--until", "20270630")
    assert document == whole
    found = told(document)
    kinds = [kind for _, _, kind in found]
    assert (kinds.count("assistance"), kinds.count("audit")) == (2, 1)
    assert {
        ("DUE", "2026-11-27", "audit"),
        ("DUE", "2026-11-28", "registration"),
        ("DUE", "2026-11-29", "recheck"),
        ("DUE", "2026-11-30", "ticket"),
        ("DUE", "2026-12-26", "assistance"),
        ("WAITS", "2027-04-27", "registration"),
        *WAITING,
    } <= set(found)
    refused = next(each for each in document["due"] if each["date"] == "2026-11-20")
    assert refused["what"] == "mend what identity refuses (DISEASE_OVERLAP)"
    assert "complaint" in kinds
    # Nothing is overdue yet, so no hold stands too long.
    assert document["nothing_of"] == ["hold"]
    asked = {each["call"]["request"].get("region") for each in document["due"]}
    assert asked == {None, "500100"}


def test_what_is_told_can_be_called_and_is_gone_once_it_is_done(desk: Desk) -> None:
    """All calls but one read; that one says what it lacks, and changes nothing."""
    desk.now = FRIDAY
    for each in desk.due("--until", "2027-06-30")["due"]:
        call = each["call"]
        ended = desk.run("agency", "call", call["method"], json.dumps(call["request"]), "--json")
        if call["method"].startswith("Answer"):
            assert json.loads(ended.stderr)["error"]["reason"] == "ERROR_REASON_FIELD_REQUIRED"
        else:
            assert ended.exit_code == 0, ended.output
    (waiver,) = desk.due("--kind", "waiver")["due"]
    desk.call("DecideWaiver", by="auditor", material_id=waiver["id"], is_granted=True)
    assert desk.due("--kind", "waiver")["nothing_of"] == ["waiver"]
    desk.call("WaiveMaterial", person_id=PERSON, kind="lease", reason="seen before")


def test_a_clerk_reads_lines_and_their_sum(desk: Desk) -> None:
    desk.now = FRIDAY + dt.timedelta(days=1)
    kinds = [word for kind in ("ticket", "hold", "audit") for word in ("--kind", kind)]
    ended = desk.run("agency", "due", *kinds)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("OVERDUE  by   2026-11-27  audit          give it to an operator")
    assert lines[1].startswith('         yibao call GetAuditTask \'{"task_id": ')
    assert lines[2].startswith("OVERDUE  by   2026-11-27  hold           close its task, or lift")
    assert lines[-1] == "2 due by 2026-11-28, 2 of them overdue; nothing of tickets"
    # What is told of nobody: neither names nor what was said of them.
    assert "血压" not in desk.run("agency", "due").stdout


def test_who_is_no_agency_of_the_region_is_refused(desk: Desk) -> None:
    for by in ("hospital", "other-agency"):
        ended = desk.run(by, "due")
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert ended.stderr


def test_what_the_service_does_not_keep_is_told_and_is_no_error(tmp_path: Path) -> None:
    issued, desk = issue(tmp_path), Desk(tmp_path)
    url = SqliteDatabases(tmp_path).migrated_url("yibao_offsite")
    with in_a_thread(lambda: serving(issued, url, has_keys=False, clock=desk.clock)) as desk.port:
        document = desk.due()
        shown = desk.run("agency", "due").stdout
    reasons = {each["kind"]: each["reason"] for each in document["not_kept"]}
    files = dict.fromkeys(("evaluation", "recheck", "ticket"), "ERROR_REASON_FILES_NOT_KEPT")
    assert reasons == {**files, "waiver": "ERROR_REASON_MATERIALS_NOT_KEPT"}
    assert document["due"] == []
    assert reasons.keys().isdisjoint(document["nothing_of"])
    assert "tickets are not kept here: " in shown
    assert "(FILES_NOT_KEPT)" in shown
    assert shown.splitlines()[-1].startswith("0 due by 2026-11-27; nothing of registrations,")

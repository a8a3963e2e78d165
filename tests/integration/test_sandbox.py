"""A sandbox to try: what is loaded, what is refused by which input, and time that moves."""

import datetime as dt
import importlib
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from rich.console import Console
from support.contracts import FIRST_OF_ITS_OWN, named_reasons, rpcs
from support.magic_counter.acts import MagicCounter
from support.terminals import run

from yibao.common.v1 import sandbox_service_pb2, server_service_pb2
from yibao.common.v1.sandbox_service_pb2_grpc import SandboxServiceStub
from yibao.common.v1.server_service_pb2_grpc import ServerServiceStub
from yibao.errors import Refusal, error_of
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_cli.loading import import_region, read_regions
from yibao_cli.parties import PROBE, SERVICES
from yibao_cli.samples.loading import LoadedPerson, load_samples
from yibao_cli.samples.refusals import NATURAL, magic_text
from yibao_cli.samples.region import HOME, with_samples
from yibao_cli.sandbox_time import run_clock
from yibao_cli.stack import Stack
from yibao_common.commands.sandbox import MOST_AHEAD, SandboxClock
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_common.values.calendar import SHANGHAI, add_months, shanghai_day, shanghai_midnight
from yibao_common.values.caller import Role
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason

# Another region, whose codes are refused in the home region.
OTHER = "310000"


class Sandbox(NamedTuple):
    """Three services of a sandbox whose time can be moved, with everything loaded."""

    stack: Stack
    loaded: list[LoadedPerson]
    clock: SandboxClock
    counter: MagicCounter


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox") / "yibao"
    regions = [each for each in with_samples(read_regions()) if each.region in (HOME, OTHER)]
    with Stack.start(folder, regions, has_movable_clock=True, poll_seconds=1.0) as stack:
        clock = SandboxClock(folder)
        for region in stack.sandbox.regions:
            import_region(stack, region)
        loaded = load_samples(stack, stack.sandbox.regions, clock=clock)
        yield Sandbox(stack, loaded, clock, MagicCounter(stack, loaded, clock=clock))


def refused_for(act: object) -> str:
    """Returns the reason for which an act is refused; fails where it is not."""
    assert callable(act)
    try:
        act()
    except grpc.RpcError as error:
        return error_of(error).reason.removeprefix("ERROR_REASON_")
    return "nothing"


def test_each_magic_value_is_refused_for_its_reason(sandbox: Sandbox) -> None:
    acts = sandbox.counter.acts
    assert list(acts.keys() ^ {each.reason for each in NATURAL}) == []
    found = {each.reason.name: refused_for(acts[each.reason]) for each in NATURAL}
    assert {name: got for name, got in found.items() if name != got} == {}


def reachable() -> set[Reason]:
    """Returns why calls that institutions may make are refused, as their comments say."""
    found = {reason for reason in Reason if reason.value < FIRST_OF_ITS_OWN}
    for rpc in rpcs():
        service = rpc.service.split(".")[1]
        if service not in SERVICES:
            continue
        access = importlib.import_module(f"yibao_{service}.access").ACCESS
        if access.roles(rpc.path) & {Role.INSTITUTION, Role.TERMINAL}:
            found |= {Reason[name] for name in named_reasons(rpc)}
    return found


def test_every_reason_that_an_institution_meets_can_be_had(sandbox: Sandbox) -> None:
    natural = {each.reason for each in NATURAL}
    asked = reachable() - natural
    assert natural <= reachable()
    found = {
        reason.name: refused_for(lambda reason=reason: sandbox.counter.asked(magic_text(reason)))
        for reason in asked
    }
    assert len(found) > 40
    assert {name: got for name, got in found.items() if name != got} == {}


def test_a_text_asks_for_a_reason_by_its_number_too_and_no_other_text_does(
    sandbox: Sandbox,
) -> None:
    number = Reason.DATABASE_UNAVAILABLE.value
    assert refused_for(lambda: sandbox.counter.asked(f"REFUSE-{number}")) == "DATABASE_UNAVAILABLE"
    # A part of a message is looked at as well.
    visit_id = sandbox.counter.visit()
    wrong = magic_text(Reason.INTERNAL)
    assert refused_for(lambda: sandbox.counter.settle(visit_id, bill_number=wrong)) == "INTERNAL"
    for text in ("REFUSE-", "REFUSE-NOTHING", "REFUSE-99999", "refuse-7", "X REFUSE-7"):
        assert sandbox.counter.visit(provider_visit_number=f"{text} {new_id()[-6:]}"[:32])


def test_persons_of_every_class_are_loaded_once(sandbox: Sandbox) -> None:
    home = [each for each in sandbox.loaded if each.region == HOME]
    assert {each.person_class for each in home} == {"11", "12", "15"}
    assert {each.label for each in sandbox.loaded if each.region == OTHER} == {"11", "12", "12-60"}
    assert {each.card_matter for each in home if each.card_serial} >= {"nothing", "reported lost"}
    numbers = [each.certificate_number for each in sandbox.loaded]
    assert len(set(numbers)) == len(numbers)
    # What an earlier run loaded is found, whether it told of it or was cut short before.
    stack = sandbox.stack
    assert load_samples(stack, stack.sandbox.regions, clock=sandbox.clock) == sandbox.loaded
    (stack.sandbox.folder / "samples.json").unlink()
    assert load_samples(stack, stack.sandbox.regions, clock=sandbox.clock) == sandbox.loaded


# --- Time that moves. These come last: what is above is of today.


def info(sandbox: Sandbox, service: str) -> server_service_pb2.GetServerInfoResponse:
    stub = ServerServiceStub(sandbox.stack.channel(service, PROBE))
    return stub.GetServerInfo(server_service_pb2.GetServerInfoRequest(), timeout=10)


def move(
    sandbox: Sandbox, to: dt.datetime, *, service: str = "settlement", request_id: str = ""
) -> sandbox_service_pb2.MoveClockResponse:
    request = sandbox_service_pb2.MoveClockRequest(
        request_id=request_id or new_id(), to_time=from_instant(to)
    )
    stub = SandboxServiceStub(sandbox.stack.channel(service, PROBE))
    return stub.MoveClock(request, timeout=20)


def refusal(sandbox: Sandbox, to: dt.datetime) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        move(sandbox, to)
    return error_of(caught.value)


def test_time_is_moved_once_for_a_request_and_never_back(sandbox: Sandbox) -> None:
    target, request_id = sandbox.clock() + dt.timedelta(hours=1), new_id()
    first = move(sandbox, target, request_id=request_id)
    assert to_instant(first.server_time) == target
    # At another service too it is known as what was done.
    assert move(sandbox, target, service="offsite", request_id=request_id) == first
    for service in SERVICES:
        told = info(sandbox, service)
        assert told.sandbox.has_movable_clock
        assert dt.timedelta() < to_instant(told.server_time) - target < dt.timedelta(minutes=1)
    back = refusal(sandbox, target)
    assert back.reason == Reason.SANDBOX_CLOCK_BACK.wire_name
    assert back.metadata["server_time"]
    too_far = refusal(sandbox, system_clock() + MOST_AHEAD + dt.timedelta(minutes=1))
    assert too_far.reason == Reason.FIELD_OUT_OF_RANGE.wire_name


def used(settled: Settlement) -> int:
    """Returns what the person's year had used up before a bill, by all that counts."""
    return sum(each.value for each in settled.year_before)


def test_a_year_ends_and_half_a_year_passes_with_all_three_services(sandbox: Sandbox) -> None:
    counter, year = sandbox.counter, shanghai_day(sandbox.clock()).year
    new_year = shanghai_midnight(dt.date(year + 1, 1, 1))
    assert move(sandbox, new_year - dt.timedelta(minutes=1)).problem == ""
    # The deductible of the old year is borne once.
    old = [counter.settle_large() for _ in range(2)]
    assert used(old[1]) > used(old[0])
    assert old[1].deductible_fen == 0 < old[0].deductible_fen
    # Half a year goes by across New Year; codes, trust and certificates hold.
    began = sandbox.clock()
    assert move(sandbox, began + dt.timedelta(days=182)).problem == ""
    new = counter.settle_large()
    assert used(new) == 0
    assert new.deductible_fen == old[0].deductible_fen
    assert to_instant(new.settle_time) - began >= dt.timedelta(days=182)
    assert info(sandbox, "settlement").trust.problem == ""
    # A card is read and its code taken, at identity's new time.
    assert refused_for(counter.swipe) == "nothing"


def test_the_command_shows_and_moves_the_time(sandbox: Sandbox) -> None:
    folder = sandbox.stack.sandbox.folder
    before = sandbox.clock().astimezone(SHANGHAI)
    moved = json.loads(run("clock", "+1mo", "--folder", folder, "--json").out)
    assert moved["is_moved"] is True
    assert moved["problem"] == ""
    local = dt.datetime.fromisoformat(moved["time"])
    assert local.date() == add_months(before.date(), 1)
    out = Console(file=io.StringIO(), width=200)
    assert run_clock(out, out, folder, None, seconds=10) == 0
    assert isinstance(out.file, io.StringIO)
    assert f"{local:%Y-%m-%d %H:}" in out.file.getvalue()
    with pytest.raises(grpc.RpcError) as caught:
        run_clock(out, out, folder, "2026-01-01", seconds=10)
    assert error_of(caught.value).reason == Reason.SANDBOX_CLOCK_BACK.wire_name


def test_what_looks_at_a_sandbox_goes_by_its_time(sandbox: Sandbox, tmp_path: Path) -> None:
    files = sandbox.stack.sandbox.config_files
    named = itertools.chain.from_iterable(("--config", str(path)) for path in files.values())
    found = json.loads(run("doctor", *named, "--json").out)
    assert [each for each in found["findings"] if each["problem"]] == []
    keys = json.loads(run("keys", "list", "--config", files["identity"], "--json").out)
    assert {each["state"] for each in keys["keys"]} == {"active"}
    # A request of offsite holds for a week, of the time that identity goes by.
    request = tmp_path / "attest-2.request"
    asked = ("keys", "request", "--config", files["offsite"], "--out", request, "--json")
    key_id = json.loads(run(*asked).out)["key_id"]
    taken = json.loads(run("keys", "take", request, "--config", files["identity"], "--json").out)
    assert key_id in json.dumps(taken)

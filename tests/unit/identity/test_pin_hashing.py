"""Hashes of PINs: slow, salted, peppered, and never shown."""

import asyncio
import dataclasses
import hashlib
import hmac
import threading
from pathlib import Path

import pytest

from yibao_common.process.config import StartError
from yibao_common.values.ids import new_id
from yibao_identity.application.pin.hashing import HashedPin, NewPin, PinPlace
from yibao_identity.pin_hashing import PinHasher, read_peppers, scheme_of

OLD, NEW = b"\x01" * 32, b"\x02" * 32
PLACE = PinPlace("500100", new_id(), b"s" * 16)
PIN = "730519"


def test_the_hash_is_scrypt_over_the_peppered_pin() -> None:
    """I-13: as documented, so that another program can check it."""
    peppered = hmac.digest(OLD, f"500100{PLACE.card_id}{PIN}".encode(), "sha256")
    expected = hashlib.scrypt(
        peppered, salt=PLACE.salt, n=16_384, r=8, p=1, maxmem=1 << 26, dklen=32
    )
    hashed = PinHasher([OLD]).hash_now(PIN, PLACE)
    assert hashed.hashes == {scheme_of(OLD): expected}


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(PLACE, region="330100"),
        dataclasses.replace(PLACE, card_id=new_id()),
        dataclasses.replace(PLACE, salt=b"t" * 16),
    ],
    ids=["region", "card", "salt"],
)
def test_the_same_pin_hashes_otherwise_on_another_card(other: PinPlace) -> None:
    """I-13."""
    hasher = PinHasher([OLD])
    assert hasher.hash_now(PIN, PLACE).hashes != hasher.hash_now(PIN, other).hashes


def test_a_new_pepper_is_put_in_front_and_the_old_one_taken_away_later() -> None:
    before, during, after = PinHasher([OLD]), PinHasher([NEW, OLD]), PinHasher([NEW])
    both = during.hash_now(PIN, PLACE)
    assert both.newest_scheme == scheme_of(NEW)
    assert both.hashes == {
        **before.hash_now(PIN, PLACE).hashes,
        **after.hash_now(PIN, PLACE).hashes,
    }


def test_a_request_can_be_repeated_while_a_new_pepper_comes_in() -> None:
    before, during = PinHasher([OLD]), PinHasher([NEW, OLD])
    assert before.digest(before.hash_now(PIN, PLACE)) == during.digest(during.hash_now(PIN, PLACE))


def test_what_stands_for_a_pin_is_not_printed() -> None:
    """I-13: no value that holds a PIN or a hash shows it, whoever prints it."""
    hasher = PinHasher([OLD])
    hashed = hasher.hash_now(PIN, PLACE)
    digest = hasher.digest(hashed)
    for value in (hashed, NewPin(PIN, hashed), hasher):
        for text in (repr(value), str(value), f"{value}"):
            assert PIN not in text
            assert digest.hex() not in text
            assert repr(digest) not in text
            assert OLD.hex() not in text
    assert isinstance(hashed, HashedPin)


def test_hashing_leaves_the_event_loop_and_runs_in_two_threads_at_most() -> None:
    """I-13: a terminal that tries many PINs holds up nobody else."""
    hasher = PinHasher([OLD])
    seen: set[str] = set()
    plain = hasher.hash_now

    def watched(pin: str, place: PinPlace) -> HashedPin:
        seen.add(threading.current_thread().name)
        return plain(pin, place)

    hasher.hash_now = watched  # type: ignore[method-assign]

    async def main() -> None:
        await asyncio.gather(*(hasher.hash(PIN, PLACE) for _ in range(6)))

    asyncio.run(main())
    hasher.close()
    assert 1 <= len(seen) <= 2
    assert all(name.startswith("pin") for name in seen)


def test_pepper_files_are_read_in_their_order(tmp_path: Path) -> None:
    files = [tmp_path / "new.hex", tmp_path / "old.hex"]
    for file, pepper in zip(files, (NEW, OLD), strict=True):
        file.write_text(f"{pepper.hex()}\n")
    assert read_peppers(files) == (NEW, OLD)


def test_one_pepper_given_twice_keeps_the_service_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "pepper.hex"
    file.write_text(OLD.hex())
    with pytest.raises(StartError, match="the same secret"):
        read_peppers([file, file])


def test_parties_take_turns_at_the_threads() -> None:
    made: list[str] = []

    class Slow(PinHasher):
        def hash_now(self, pin: str, place: PinPlace) -> HashedPin:
            gate.wait(10)
            made.append(pin)
            return HashedPin({}, 0)

    gate = threading.Event()

    async def main() -> None:
        party = ""
        hasher = Slow([OLD], party_of=lambda: party)
        running = []
        for pin in ("a0", "a1", "a2", "a3", "a4", "a5", "b0"):
            party = pin[0]
            running.append(asyncio.create_task(hasher.hash(pin, PLACE)))
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*running)
        hasher.close()

    asyncio.run(main())
    assert made.index("b0") < made.index("a4")

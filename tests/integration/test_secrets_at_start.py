"""Identity does not start with other secrets than its database was filled with."""

import asyncio
import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console
from support.databases import Databases
from support.identity_world import (
    IdentityFiles,
    citizen_number,
    make_identity_files,
    serving_identity,
)
from support.services import to_toml

from yibao_cli.doctor.command import run_doctor
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_identity import secret_files
from yibao_identity.application.secret import SecretKind
from yibao_identity.keys import open_vault
from yibao_identity.pin_hashing import scheme_of
from yibao_identity.storage import tables

PACKAGE = "yibao_identity"


@pytest.fixture
def files(tmp_path: Path) -> IdentityFiles:
    return make_identity_files(tmp_path)


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.migrated_url(PACKAGE)


def start(files: IdentityFiles, url: str, *, registered: int = 0, pin: bool = False) -> None:
    """Starts the service, registers persons and gives one a PIN, and ends it."""

    async def main() -> None:
        async with serving_identity(files, url) as identity:
            for number in range(1, registered + 1):
                await identity.register(citizen_number(number))

    asyncio.run(main())
    if pin:
        execute(url, sa.insert(tables.card).values(**card_row()))


def card_row() -> dict[str, object]:
    now = system_clock()
    text = dict.fromkeys(
        (
            "activated_by",
            "provider_visit_number",
            "loss_reported_by",
            "employer_letter_reference",
            "office_confirmation_reference",
            "closed_by",
        ),
        "",
    )
    return {
        **text,
        "region": "500100",
        "card_id": new_id(),
        "person_id": new_id(),
        "subject": "SUBJECT000001",
        "card_serial": "S1",
        "chip_number": "C1",
        "standard_version": "3",
        "bank_code": "CCB001",
        "state": 2,
        "issue_time": now,
        "issued_by": "agency/500100/wang",
        "activation_deadline_date": now.date(),
        "pin_salt": bytes(16),
        "pin_hash": bytes(32),
        "pin_scheme": scheme_of(bytes.fromhex("33" * 32)),
        "wrong_tries": 0,
        "transactions": 0,
        "printed_transactions": 0,
    }


def execute(url: str, statement: sa.Executable) -> None:
    database = Database(url)
    try:
        with database.write() as connection:
            connection.execute(statement)
    finally:
        database.close()


def recorded(url: str) -> list[int]:
    database = Database(url)
    try:
        with database.read() as connection:
            kind = tables.trust_secret_check.c.kind
            return list(connection.execute(sa.select(kind).order_by(kind)).scalars())
    finally:
        database.close()


def problem(files: IdentityFiles, url: str) -> str:
    with pytest.raises(StartError) as refused:
        start(files, url)
    return str(refused.value)


def told_by_doctor(files: IdentityFiles, url: str) -> str:
    config = files.folder / "identity.toml"
    config.write_text(to_toml({**files.values, "database": {"url": url}}))
    console = Console(file=io.StringIO(), width=80)
    run_doctor(
        console,
        [config],
        with_health=False,
        with_ledger=False,
        with_audit=False,
        clock=system_clock,
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("was_recorded", [True, False], ids=["recorded", "of before"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hash", "the hash key is another one than this database was filled with"),
        ("encryption", "that is in use is missing"),
        ("pepper", "that is in use is missing"),
    ],
)
def test_another_secret_is_refused_and_found_by_the_doctor(
    files: IdentityFiles, url: str, name: str, said: str, was_recorded: bool
) -> None:
    start(files, url, registered=2, pin=True)
    if not was_recorded:
        # As an older program leaves it: the service has to find out by what is stored.
        execute(url, sa.delete(tables.trust_secret_check))
    file = files.folder / f"{name}.hex"
    own = file.read_text()
    file.write_text("44" * 32)
    assert said in problem(files, url)
    assert said in told_by_doctor(files, url)
    # Nothing of the wrong one was kept.
    file.write_text(own)
    start(files, url)
    assert recorded(url) == [kind.value for kind in SecretKind]
    assert said not in told_by_doctor(files, url)


def test_a_new_key_in_front_is_taken_and_the_old_one_is_needed_on(
    files: IdentityFiles, url: str
) -> None:
    start(files, url, registered=1)
    new, old = files.folder / "new.hex", files.folder / "encryption.hex"
    new.write_text("55" * 32)
    personal_data = files.values["personal_data"]
    personal_data["encryption_key_files"] = [new, old]
    start(files, url)
    assert recorded(url).count(SecretKind.ENCRYPTION_KEY.value) == 2
    personal_data["encryption_key_files"] = [new]
    assert "that is in use is missing" in problem(files, url)


def test_a_pepper_that_no_pin_needs_may_go(files: IdentityFiles, url: str) -> None:
    start(files, url)
    (files.folder / "pepper.hex").write_text("66" * 32)
    start(files, url)
    assert recorded(url).count(SecretKind.PEPPER.value) == 2


def test_a_database_of_before_is_taken_over_with_the_right_files(
    files: IdentityFiles, url: str
) -> None:
    start(files, url, registered=1, pin=True)
    execute(url, sa.delete(tables.trust_secret_check))
    start(files, url)
    assert recorded(url) == [kind.value for kind in SecretKind]


def hold_the_same(files: IdentityFiles, name: str, other: str) -> None:
    """Puts into file `other` what `name` holds."""
    secret = (files.folder / name).read_text()
    (files.folder / other).write_text(secret.upper() if other != "passphrase" else secret)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("hash.hex", "encryption.hex"),
        ("encryption.hex", "pepper.hex"),
        ("hash.hex", "pepper.hex"),
        ("pepper.hex", "passphrase"),
    ],
)
def test_one_secret_in_two_places_is_refused_at_the_first_start(
    files: IdentityFiles, url: str, name: str, other: str
) -> None:
    hold_the_same(files, name, other)
    told = refused_alike(files, url)
    assert str(files.folder / name) in told
    assert str(files.folder / other) in told
    assert recorded(url) == []


def test_secrets_that_a_database_was_filled_with_stay_alike(
    files: IdentityFiles, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cannot be changed any more, but what comes in new is another."""
    hold_the_same(files, "hash.hex", "pepper.hex")
    with monkeypatch.context() as before:
        before.setattr(secret_files, "refuse_alike", lambda *_: None)
        require(files, url)
    require(files, url)
    more = files.folder / "pepper-2.hex"
    more.write_text((files.folder / "encryption.hex").read_text())
    files.values["cards"] = {"pepper_files": [more, files.folder / "pepper.hex"]}
    with pytest.raises(StartError, match=r"pepper-2\.hex\) hold the same secret"):
        require(files, url)


def test_two_peppers_alike_are_named(files: IdentityFiles, url: str) -> None:
    hold_the_same(files, "pepper.hex", "pepper-2.hex")
    paths = [files.folder / "pepper.hex", files.folder / "pepper-2.hex"]
    files.values["cards"] = {"pepper_files": paths}
    with pytest.raises(StartError) as refused:
        require(files, url)
    assert all(str(path) in str(refused.value) for path in paths)


def require(files: IdentityFiles, url: str) -> None:
    """Does with the secrets what the service does at its start."""
    config = files.config(url)
    database = Database(url)
    try:
        secret_files.require_secrets(config, database, open_vault(config), clock=system_clock)
    finally:
        database.close()


def refused_alike(files: IdentityFiles, url: str) -> str:
    with pytest.raises(StartError, match="hold the same secret") as refused:
        require(files, url)
    return str(refused.value)

"""Answers of many bills and histories as text, to compare compiled modules with their sources.

`python -m support.compiled_answers` prints how many compiled modules decide, then a line for
each answer: bills under generated policies, every row that histories leave behind, with what
the ledger checker finds, and the types that stored rows are read as. Two runs over the same
sources print the same.
"""

import hashlib
import importlib
import itertools
import pkgutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before anything takes `new_id` from there: rows of two runs are to have the same ids.
from yibao_common.values import ids

_numbers = itertools.count(1)


def _next_id() -> str:
    value = f"{0x019A_0000_0000_7000_8000 << 48 | next(_numbers):032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


ids.new_id = _next_id  # type: ignore[assignment]

# ruff: noqa: E402
import msgspec
from support.benefit_cases.cases import case
from support.benefit_comparison import engine
from support.databases import SqliteDatabases
from support.history_model.examples import FOLDER, region_of
from support.history_model.world import World as Model
from support.played_histories import Played
from support.random_histories import random_operations
from support.settlement_world import ACCOUNT_STEP, POLICY_FILE, REGION, World

import yibao_common
import yibao_settlement
from yibao_common.db.database import Database
from yibao_common.process.compiled import compiled_modules
from yibao_common.values.errors import RuleError
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.refund import RefundOrder
from yibao_settlement.storage import tables

CASES = range(200)
HISTORIES = range(4)


def main() -> None:
    """Prints all answers."""
    print(compiled_modules().modules)
    for seed in CASES:
        for answer in engine.answers(case(seed)):
            print(seed, answer)
    for line in itertools.chain(_histories(), _stored_types()):
        print(line)


def _histories() -> Iterator[str]:
    newest = (FOLDER / "policy.yaml").read_text(encoding="utf-8")
    newest = newest.replace('"999000"', f'"{REGION}"').replace('"310"', '"390"', 1)
    former = POLICY_FILE.read_bytes() + ACCOUNT_STEP
    for name, policy in (("/2", newest.encode()), ("/1", former)):
        for seed in HISTORIES:
            with tempfile.TemporaryDirectory(prefix="yibao-compiled-") as folder:
                databases = SqliteDatabases(Path(folder))
                database = databases.open("yibao_settlement")
                world = World(database, policy_file=policy)
                yield from (f"{name} {seed} {each}" for each in _played(world, seed))
                yield from (f"{name} {seed} {each}" for each in _rows(database))
                yield f"{name} {seed} {check_ledger(database).drifts}"
                databases.close()


def _played(world: World, seed: int) -> Iterator[str]:
    """Yields how each operation of a history ends; the model of it decides what comes next."""
    (person,) = world.enrol()
    played, model = Played(world, person), Model(region_of({"refund_order": "account_first"}))
    played.refund_order = RefundOrder.ACCOUNT_FIRST
    for operation in random_operations(seed, model, is_dear=bool(seed % 2)):
        model.run(operation)
        try:
            yield f"{operation.op_id} {played.run(operation)}"
        except (RuleError, KeyError) as refusal:
            # What the model did and the service could not leaves no settlement to name.
            yield f"{operation.op_id} {refusal!r}"


def _stored_types() -> Iterator[str]:
    """Yields what stored JSON is read as: mypyc keeps annotations of plain classes alone."""
    for package in (yibao_common, yibao_settlement):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." in found.name:
                continue
            for name, value in vars(importlib.import_module(found.name)).items():
                decoder = getattr(value, "__self__", value)
                if isinstance(decoder, msgspec.json.Decoder):
                    yield f"{found.name}.{name} {msgspec.inspect.type_info(decoder.type)}"


def _rows(database: Database) -> Iterator[str]:
    with database.read() as connection:
        for table in tables.metadata.sorted_tables:
            if table in (tables.feed_position, tables.reference_epoch):
                continue  # Epochs are drawn at random.
            rows = sorted(repr(tuple(row)) for row in connection.execute(table.select()))
            digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
            yield f"{table.name} {len(rows)} {digest}"


if __name__ == "__main__":
    main()

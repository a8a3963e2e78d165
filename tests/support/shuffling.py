"""`--shuffle SEED`: tests in another order, to show that none depends on another.

Files are shuffled, and in each file its tests. Every process of a run finds the same order.
"""

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run in the order of this seed")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tells how to run in the same order again."""
    seed = config.getoption("shuffle")
    return None if seed is None else f"order: --shuffle {seed}"


# Before pytest itself, which then brings together what shares a costly fixture.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the tests into the order of the seed."""
    seed = config.getoption("shuffle")
    if seed is None:
        return
    chance = random.Random(seed)
    files = sorted({item.path for item in items})
    chance.shuffle(files)
    place = {path: number for number, path in enumerate(files)}
    chance.shuffle(items)
    items.sort(key=lambda item: place[item.path])

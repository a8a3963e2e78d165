"""Tests marked `long` begin first where processes share a run, so that no one waits at its end.

Each process gets an equal part of the collection, in its order, and takes tests from others
once it has done its own. Most long tests wait; meanwhile other processes compute.
"""

import itertools

import pytest


# After pytest itself has brought together what shares a costly fixture.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deals the long tests out, each to the beginning of another process's part."""
    shared = getattr(config, "workerinput", None)
    if shared is None or config.getoption("shuffle") is not None:
        return
    is_long = {item: item.get_closest_marker("long") is not None for item in items}
    long = [item for item in items if is_long[item]]
    rest = (item for item in tuple(items) if not is_long[item])
    processes, left = shared["workercount"], len(items)
    dealt: list[pytest.Item] = []
    for number in range(processes):
        own = long[number::processes]
        # As many as the scheduler will give this process.
        size = left // (processes - number)
        left -= size
        dealt += [*own, *itertools.islice(rest, max(0, size - len(own)))]
    items[:] = [*dealt, *rest]

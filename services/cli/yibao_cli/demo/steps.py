"""The steps of a walk: what was done, by whom, how it came out and how long it took."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc

from yibao.errors import error_of

# Far more than a step takes on a loaded machine.
CALL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it went; `service` is who did it."""

    title: str
    service: str
    outcome: str
    milliseconds: float
    is_good: bool


class StepFailedError(Exception):
    """A step did not come out as it must; the text says what is wrong."""


class StepLog:
    """Times steps and keeps them; a failed one ends the walk by StepFailedError."""

    def __init__(self, on_step: Callable[[str], None]) -> None:
        """Begins without steps; `on_step` hears of each beginning."""
        self._on_step = on_step
        self.steps: list[Step] = []

    @contextlib.contextmanager
    def step(self, title: str, service: str) -> Iterator[Callable[[str], None]]:
        """Runs a step; the block tells its outcome to what it is given."""
        self._on_step(title)
        outcome = ""

        def note(text: str) -> None:
            nonlocal outcome
            outcome = text

        failure: StepFailedError | None = None
        began = time.perf_counter()
        try:
            yield note
        except StepFailedError as error:
            failure = error
        except grpc.RpcError as error:
            refusal = error_of(error)
            failure = StepFailedError(f"{refusal.reason or refusal.code.name}: {refusal.message}")
        milliseconds = (time.perf_counter() - began) * 1000
        is_good = failure is None
        self.steps.append(Step(title, service, str(failure or outcome), milliseconds, is_good))
        if failure is not None:
            raise failure

"""Whether a process can serve: what it rests on, asked when somebody wants to know."""

import threading
import time
from collections.abc import Callable, Mapping

# Returns what is wrong, in a few words without secrets; an empty text means nothing is.
Check = Callable[[], str]

# So that nobody who asks ten times a second makes the database busy.
_KEEP_SECONDS = 1.0


class Readiness:
    """The checks of a process, by what each is of. Safe between threads."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begins without any."""
        self._checks: dict[str, Check] = {}
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._found: Mapping[str, str] = {}

    def require(self, name: str, check: Check) -> None:
        """Makes the process ready only while `check` finds nothing wrong; it may block.

        A check that raises is a problem, told by its error's type.
        """
        self._checks[name] = check

    def problems(self) -> Mapping[str, str]:
        """Returns what is wrong, by what it is wrong with; found at most a second ago.

        Who asks while another's answer is being found gets that one.
        """
        with self._lock:
            now = self._monotonic()
            if now - self._asked_at >= _KEEP_SECONDS:
                told = {name: _told(check) for name, check in self._checks.items()}
                self._found = {name: problem for name, problem in told.items() if problem}
                self._asked_at = self._monotonic()
            return self._found

    def forget(self) -> None:
        """Makes the next answer a new one: what the checks tell has changed."""
        self._asked_at = float("-inf")


def _told(check: Check) -> str:
    try:
        return check()
    except Exception as error:
        return type(error).__name__

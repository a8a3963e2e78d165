"""Tells in time when the calendar of working days ends, and that it has ended.

Nothing fails then: holidays of the years after count as working days, and due days are wrong.
"""

import datetime as dt

import grpc

from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_common.values.clock import Clock
from yibao_common.values.working_days import ENDS_SOON, WorkingCalendar

_LOOK_SECONDS = 3_600.0
_DAY = dt.timedelta(days=1)


class CalendarWatch:
    """Until when the calendar tells of holidays: as a metric, and once a day in the log."""

    def __init__(
        self,
        calendar: WorkingCalendar,
        *,
        name: str,
        is_sandbox: bool,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes the calendar that due days are counted by, and how the metric calls it.

        In a sandbox nobody waits for a due day: the log tells it as no warning. Nothing runs
        before `start`.
        """
        self._calendar = calendar
        self._end = metrics.calendar_end.labels(name)
        self._clock = clock
        self._is_sandbox = is_sandbox
        self._log = log
        self._told_day: dt.date | None = None
        self._task = BackgroundTask(
            "calendar-watch",
            [Duty(run=self.look, failure="the calendar is not watched")],
            seconds=_LOOK_SECONDS,
            metrics=metrics,
            clock=clock,
            log=log,
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds no servicer: nobody calls it."""

    def start(self, supervisor: Supervisor) -> None:
        """Starts to look."""
        self._task.start(supervisor)

    async def close(self) -> None:
        """Stops it."""
        await self._task.close()

    async def look(self) -> None:
        """Sets the metric, and logs what is to be said today."""
        today = shanghai_day(self._clock())
        last = self._calendar.told_until(today)
        self._end.set(shanghai_midnight(last + _DAY).timestamp())
        if last - today >= ENDS_SOON or self._told_day == today:
            return
        self._told_day = today
        told: dict[str, object] = {"last_day": last.isoformat()}
        if last < today:
            event, tell = "the calendar has ended", self._log.error
        else:
            event, tell = "the calendar ends soon", self._log.warning
            told["days_left"] = (last - today).days
        (self._log.info if self._is_sandbox else tell)(event, **told)

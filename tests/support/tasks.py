"""A supervisor for what runs tasks in a test."""

import asyncio
import io
import json
from dataclasses import dataclass, field
from typing import Any

from yibao_common.process.config import LogConfig
from yibao_common.process.logs import Log, open_log
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import system_clock


@dataclass
class Watched:
    """A supervisor, the event that it sets and what is logged."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    lines: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        config = LogConfig(level="debug")
        self.log: Log = open_log(config, service="test", clock=system_clock, stream=self.lines)
        self.supervisor = Supervisor(self.stop, log=self.log)

    @property
    def logged(self) -> list[dict[str, Any]]:
        """The lines logged so far."""
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]

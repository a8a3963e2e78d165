"""What tells whether the process serves does not stop telling unseen."""

import asyncio
import io

import pytest

from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.process.supervisor import Supervisor, TaskDiedError
from yibao_common.rpc import health as health_module
from yibao_common.rpc.health import Health
from yibao_common.values.clock import system_clock


def test_a_look_that_fails_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "_LOOK_SECONDS", 0.001)

    def problems() -> list[str]:
        raise MemoryError

    async def main() -> None:
        lines = io.StringIO()
        log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
        stop = asyncio.Event()
        supervisor = Supervisor(stop, log=log)
        health = Health(("",), problems=problems, watch=supervisor.watch, log=log)
        await health.start()
        await asyncio.wait_for(stop.wait(), 10)
        assert supervisor.problems() == ["health has died"]
        with pytest.raises(TaskDiedError, match="health"):
            supervisor.raise_if_dead()

    asyncio.run(main())


def test_a_look_that_is_called_off_is_no_death() -> None:
    async def main() -> None:
        log = open_log(LogConfig(), service="test", clock=system_clock, stream=io.StringIO())
        supervisor = Supervisor(asyncio.Event(), log=log)
        health = Health(("",), problems=list, watch=supervisor.watch, log=log)
        await health.start()
        await health.drain()
        await asyncio.sleep(0)
        supervisor.raise_if_dead()

    asyncio.run(main())

"""What both stories of `yibao demo elsewhere` share: who acts where, and how they wait."""

import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from yibao_cli.demo.steps import StepFailedError, StepLog
from yibao_cli.parties import CHANNEL, institution_leaf, parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock

# Which region of the sandbox insures, and which treats, at this hospital.
HOME, PLACE = "330100", "330200"
HOSPITAL_ID = "H33020099901"
_LOOK_SECONDS = 0.05
# Emergencies are told to offsite every five seconds, everything else within one.
_WAIT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Two regions of a province in running services, and the log of a story."""

    stack: Stack
    home: Region
    place: Region
    log: StepLog
    clock: Clock
    choose: random.Random

    @property
    def region(self) -> str:
        """The region that insures, which every request is of."""
        return self.home.region

    @property
    def today(self) -> dt.date:
        """The day of everything that happens, in Asia/Shanghai."""
        return shanghai_day(self.clock())

    def hospital(self, service: str) -> grpc.Channel:
        """Returns the channel of the hospital in the other city."""
        return self.stack.channel(service, institution_leaf(self.place, HOSPITAL_ID))

    def maker(self) -> grpc.Channel:
        """Returns the first operator's channel to offsite."""
        return self.stack.channel("offsite", parties_of(self.home).maker)

    def checker(self) -> grpc.Channel:
        """Returns the second operator's channel to offsite."""
        return self.stack.channel("offsite", parties_of(self.home).checker)

    def app(self) -> grpc.Channel:
        """Returns the channel of the app to offsite, which acts for the person."""
        return self.stack.channel("offsite", CHANNEL)


def until(look: Callable[[], bool], what: str) -> int:
    """Waits until what one service told another has arrived; returns the milliseconds.

    Raises:
        StepFailedError: `what`, where it did not.
    """
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > _WAIT_SECONDS:
            raise StepFailedError(f"{what}, after {_WAIT_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)
    return round((time.monotonic() - began) * 1000)

"""Tells those on duty that the key of a phone was found in two places."""

from prometheus_client import Counter

from yibao_common.process.logs import Log


class LoggedAlarms:
    """Counts and logs alarms; see `application.devices.DeviceAlarms`."""

    def __init__(self, counter: Counter, log: Log) -> None:
        """Takes the metric and the log."""
        self._counter = counter
        self._log = log

    def raised(self, region: str, device_id: str) -> None:
        """Counts and logs one alarm, which is stored by now."""
        self._counter.labels(region).inc()
        self._log.error("device clone suspected", region=region, device_id=device_id)

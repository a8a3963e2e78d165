"""Lines that bills settled without: counted and logged, since their answers alone tell of them."""

from collections import Counter
from collections.abc import Sequence

from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.caller import Caller
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.bill import RefusedLine
from yibao_settlement.servicer.encode import settled


class SettledAnswer:
    """Writes the answer of one bill, and keeps which of its lines were refused.

    A batch that is run again writes it again; what was stored is what it wrote last. The
    repeat of a request writes none, so no line is told twice.
    """

    __slots__ = ("refused",)

    def __init__(self) -> None:
        """Begins before the bill is decided."""
        self.refused: Sequence[RefusedLine] = ()

    def encode(self, record: SettlementRecord) -> bytes:
        """Returns a serialized SettleBillResponse."""
        self.refused = record.refused_lines
        return settled(record)


class RefusedLines:
    """Tells operators of refused lines, once their bill is stored."""

    def __init__(self, *, metrics: Metrics, log: Log) -> None:
        """Takes where it is told."""
        self._count = metrics.refused_lines
        self._log = log

    def tell(self, refused: Sequence[RefusedLine], *, request_id: str, caller: Caller) -> None:
        """Counts the refused lines of a bill, and logs how many there are of each reason."""
        by_reason = Counter(line.reason for line in refused)
        for reason, count in by_reason.items():
            self._count.labels(reason).inc(count)
        self._log.info(
            "lines refused", caller=caller.path, request_id=request_id, reasons=dict(by_reason)
        )

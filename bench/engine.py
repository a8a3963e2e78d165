"""The engine of policies on one core, without wire or database: a bill, and many of a region."""

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence

from bench.verify import turns_per_second
from yibao_cli.regions import load_region, regions_folder
from yibao_common.db.database import Database
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.simulation import Insured, Period, Simulation
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.trace import trace_sha256
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage.simulation import StoredHistory

# Four brackets of the pool, and a large-amount fund behind it.
_REGION, _DAY = "110000", dt.date(2023, 5, 9)
_LINES = 10
_SIMULATED = 5_000


class EngineBench:
    """A bill of ten lines, decided again and again as the last of two in a year."""

    def __init__(self) -> None:
        """Reads the policy and makes the bills."""
        policy = load_any_policy(load_region(regions_folder() / _REGION).policy_file, name=_REGION)
        assert isinstance(policy, BenefitPolicy)
        self._policy = policy
        first = adjudicate(policy, _bill("V1", _DAY - dt.timedelta(days=60)), NOTHING_YET)
        self._memory = NOTHING_YET.after(first.change)
        self._bill = _bill("V2", _DAY)

    def adjudications_per_second(self, *, seconds: float) -> float:
        """Returns how many bills this thread decides, trace included, a second of CPU time."""

        def decide() -> None:
            for _ in range(100):
                trace_sha256(adjudicate(self._policy, self._bill, self._memory))

        return 100 * turns_per_second(decide, seconds)


def _bill(visit_id: str, day: dt.date) -> Bill:
    lines = tuple(
        BillLine(
            line_id=str(number),
            amount_fen=410_000 + 7_001 * number,
            catalogue_class=("01", "02", "03", "01")[number % 4],
            charge_date=day - dt.timedelta(days=number % 5),
            first_self_pay_ppm=100_000 if number % 4 == 1 else None,
        )
        for number in range(_LINES)
    )
    facts = Facts(care_type="2101", institution_level="2", person_class="11", age=40)
    return Bill(
        visit_id,
        day,
        lines,
        facts,
        admission_date=day - dt.timedelta(days=9),
        account_used=True,
        balances=Balances(100_000),
    )


def simulated_per_second(database: Database, *, region: str, policy_file: bytes) -> float:
    """Returns how many stored bills of today a policy is tried on in a second of wall time."""
    policy = load_any_policy(policy_file, name=region)
    today = dt.datetime.now(dt.UTC).date()
    period = Period(policy.insurance_type, today - dt.timedelta(days=1), today)
    began = time.perf_counter()
    simulation = Simulation(_Some(StoredHistory(database)), region, policy, period)
    while simulation.advance():
        pass
    return simulation.done / (time.perf_counter() - began)


class _Some:
    """The first of the settlements: more tell nothing new of the time that each takes."""

    def __init__(self, history: StoredHistory) -> None:
        self._history = history

    def ids(self, region: str, period: Period, *, most: int) -> list[str]:
        return self._history.ids(region, period, most=min(most, _SIMULATED))

    def read(self, region: str, ids: Sequence[str]) -> list[tuple[SettlementRecord, Visit]]:
        return self._history.read(region, ids)

    def insured(self, region: str, person_ids: Iterable[str]) -> Mapping[str, Insured]:
        return self._history.insured(region, person_ids)

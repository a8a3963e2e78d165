"""The ledger checker: proves on the live database that the books are right."""

from yibao_settlement.ledger_check.check import Only, check_ledger
from yibao_settlement.ledger_check.report import INVARIANTS, Drift, LedgerReport

__all__ = ["INVARIANTS", "Drift", "LedgerReport", "Only", "check_ledger"]

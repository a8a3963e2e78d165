"""What an audit's hold refuses."""

from collections.abc import Iterable

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.registered import AuditHold


def check_not_audited(holds: Iterable[AuditHold]) -> None:
    """Raises AUDIT_HOLD while an audit holds the bills of a visit (O-07)."""
    for hold in holds:
        if not hold.is_lifted:
            raise RuleError(
                Reason.AUDIT_HOLD,
                f"audit task {hold.task_id} holds visit {hold.visit_id} until it is closed",
                task_id=hold.task_id,
                hold_id=hold.hold_id,
                visit_id=hold.visit_id,
            )

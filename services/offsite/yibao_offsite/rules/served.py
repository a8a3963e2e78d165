"""Which regions have an agency that reads what is sent to it here."""

from collections.abc import Collection

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


def check_served(region: str, served: Collection[str]) -> None:
    """Refuses what nobody would read; without any region that is known to be served nothing.

    Raises:
        RuleError: REGION_NOT_SERVED.
    """
    if served and region not in served:
        raise RuleError(
            Reason.REGION_NOT_SERVED, f"region {region} is not served here", region=region
        )

"""How old what is known of persons may be before codes are no longer accepted by it."""

import datetime as dt

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


def check_feed_age(age: dt.timedelta, *, most: dt.timedelta, region: str) -> None:
    """Raises FEED_STALE where nothing was heard of the region's persons for over `most`.

    Whoever was suspended meanwhile, reported a loss or died is not known here.
    """
    if age > most:
        hours = age // dt.timedelta(hours=1)
        raise RuleError(
            Reason.FEED_STALE,
            f"what is known of the persons of region {region} is {hours} hours old",
            region=region,
            age_hours=hours,
        )

"""What offsite tells of registrations: how old it may be, and what takes whose place."""

import datetime as dt
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# It was told by an attestation, and by no reading of the feed yet.
ATTESTED = 0


class Known(NamedTuple):
    """What is stored of a registration or a hold: in which reading it was told, which version."""

    person_id: str
    reading: int
    version: int


def takes_place(known: Known | None, *, version: int, reading: int, is_anew: bool) -> bool:
    """Tells whether what a reading of the feed tells takes the place of what is stored.

    Never an older version the place of a newer one of the same feed, or of one that was shown
    by an attestation. What an earlier reading told may be of a feed that is no more; so may,
    while the feed `is_anew` read, what was attested: offsite may have been restored, and
    count its versions from lower ones again.
    """
    if known is None or known.reading not in (ATTESTED, reading):
        return True
    if known.reading == ATTESTED and is_anew:
        return True
    return version >= known.version


def check_offsite_age(age: dt.timedelta | None, *, most: dt.timedelta | None, region: str) -> None:
    """Raises OFFSITE_FEED_STALE where nothing was heard of the region's registrations for `most`.

    To be asked where no registration is known that covers the care: who registered meanwhile is
    not known here. What is known goes on to hold. Where `most` is None no offsite is followed,
    and nothing can be old; where `age` is, nothing was heard ever.
    """
    if most is None:
        return
    if age is None:
        raise RuleError(
            Reason.OFFSITE_FEED_STALE,
            f"nothing is known yet of the registrations of region {region}",
            region=region,
        )
    if age > most:
        hours = age // dt.timedelta(hours=1)
        raise RuleError(
            Reason.OFFSITE_FEED_STALE,
            f"what is known of the registrations of region {region} is {hours} hours old",
            region=region,
            age_hours=hours,
        )

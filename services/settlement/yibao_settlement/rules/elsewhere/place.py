"""Where care is taken: which region of the deployment an institution is of, and what covers it.

Codes are those of administrative divisions (GB/T 2260): two digits of the province, two of the
city, two of the county.
"""

import datetime as dt
from collections.abc import Collection

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.institution.scope import InstitutionScope

# Hong Kong, Macao and Taiwan are no part of the rules on care elsewhere (O-12).
_EXCLUDED = ("71", "81", "82")
_WHOLE_CITY, _WHOLE_PROVINCE = "00", "0000"


def place_of(institution_id: str, regions: Collection[str]) -> str | None:
    """Returns the region among `regions` that an institution is of by its code, or None.

    A county that pools by itself is one; of any other the city is, and of a municipality it.
    """
    division = institution_id[1:7]
    for region in (division, division[:4] + _WHOLE_CITY, division[:2] + _WHOLE_PROVINCE):
        if region in regions:
            return region
    # A municipality pools under the code of its districts: 500100.
    return next((each for each in sorted(regions) if _is_municipal(each, division)), None)


def _is_municipal(region: str, division: str) -> bool:
    return region[:2] in ("11", "12", "31", "50") and region[:2] == division[:2]


def covers(treatment_region: str, place_region: str) -> bool:
    """Tells whether a registration to a city or province holds in a region.

    Registered is to a city, and to a municipality or a province directly: no institution is
    named, and every recognised one in it is meant.
    """
    if treatment_region[2:] == _WHOLE_PROVINCE or _is_municipal(treatment_region, place_region):
        return treatment_region[:2] == place_region[:2]
    if treatment_region[4:] == _WHOLE_CITY:
        return treatment_region[:4] == place_region[:4]
    return treatment_region == place_region


def check_place(institution_id: str) -> None:
    """Raises OFFSITE_PLACE_EXCLUDED for care in Hong Kong, Macao and Taiwan (O-12)."""
    if institution_id[1:3] in _EXCLUDED:
        raise RuleError(
            Reason.OFFSITE_PLACE_EXCLUDED,
            f"institution {institution_id} lies in Hong Kong, Macao or Taiwan, where basic "
            "insurance pays no care",
            institution_id=institution_id,
        )


def check_recognised(
    scope: InstitutionScope | None, institution_id: str, *, place_region: str, on: dt.date
) -> None:
    """Raises OFFSITE_INSTITUTION_NOT_OPEN where an institution takes nobody of elsewhere (O-03).

    Recognised is what its own region says to be networked for persons of other regions.
    """
    if scope is None or not scope.is_offsite_networked:
        raise RuleError(
            Reason.OFFSITE_INSTITUTION_NOT_OPEN,
            f"region {place_region} has not networked institution {institution_id} for persons "
            f"of other regions on {on.isoformat()}",
            institution_id=institution_id,
            treatment_region=place_region,
            date=on.isoformat(),
        )

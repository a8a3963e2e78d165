"""Places of treatment: a city or municipality by its six digits (GB/T 2260)."""

# Cities under the central government, each one place whatever its districts.
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
# The middle digits of cities of county level under the province itself, such as 429004.
_COUNTY_LEVEL = "90"


def covering_region(region: str) -> str:
    """Returns the city or municipality that the six digits of `region` lie in."""
    if region[:2] in _MUNICIPALITIES:
        return f"{region[:2]}0000"
    if region[2:4] == _COUNTY_LEVEL:
        return region
    return f"{region[:4]}00"


def place_fault(treatment_region: str, *, region: str) -> str | None:
    """Returns what is wrong with a place of treatment of who is insured in `region`."""
    if treatment_region[4:] != "00" and treatment_region[2:4] != _COUNTY_LEVEL:
        return "must be a city or municipality: the digits of the district are 0"
    if treatment_region[2:] == "0000" and treatment_region[:2] not in _MUNICIPALITIES:
        return "must be a city, not a whole province"
    if covering_region(treatment_region) == covering_region(region):
        return "must lie outside of the insuring city or municipality"
    return None

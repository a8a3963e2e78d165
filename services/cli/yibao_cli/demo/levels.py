"""What the levels of institutions (hosp_lv) are called."""

# A grade beside the level: 三级甲等 is 3A. `11` has no level at all.
_NAMES = {
    "1": "level 3, special",
    "2": "3A",
    "3": "3B",
    "4": "3C",
    "5": "2A",
    "6": "2B",
    "7": "2C",
    "8": "1A",
    "9": "1B",
    "10": "1C",
    "11": "no level",
    "12": "level 3",
    "13": "level 2",
    "14": "level 1",
}


def level_name(institution_level: str) -> str:
    """Returns the name of a level with its code: the code 2 is no hospital of level 2."""
    return f"{_NAMES.get(institution_level, 'level unknown')} (hosp_lv {institution_level})"

"""The rules that hold where a region has approved none: those of the national procedure."""

import datetime as dt
import importlib.resources

from yibao_offsite.files.region_rules import load_region_rules
from yibao_offsite.rules.region_rules import RegionRules, StoredRules

_FILE = "national.yaml"


def national_rules() -> tuple[RegionRules, StoredRules]:
    """Returns the rules and their file, which ship with the service; nobody approves them."""
    contents = (importlib.resources.files("yibao_offsite.files") / _FILE).read_bytes()
    rules = load_region_rules(contents, name=_FILE)
    # Every day lies behind the first one of all.
    begin = dt.datetime.min.replace(tzinfo=dt.UTC)
    stored = StoredRules("", rules.version, dt.date.min, contents, "", begin)
    return rules, stored

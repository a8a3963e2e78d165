"""The diseases that a region qualifies persons for (门诊慢特病病种目录), by the day.

What a disease is called and what is asked for it are data of the region; without any, the
national list counts, whose codes are those of national_rules 2.5 of the domain.
"""

import bisect
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# Letter and three digits name the disease, the two behind them a part of it: a region's own
# sub-code and the national code agree in the first four characters.
_DISEASE_CHARACTERS = 4
_WHOLE = "00"


@dataclass(frozen=True, slots=True)
class AskedPaper:
    """A paper that is asked for."""

    paper_code: str
    paper_name: str


@dataclass(frozen=True, slots=True)
class ListedDisease:
    """A disease of a list.

    `national_disease_code` is empty where the national list has none. A qualification holds
    for `valid_months`, None until it is ended, and is renewed from `renew_days` before its
    end on. Any institution may find it where `institution_ids` is empty.
    """

    disease_code: str
    disease_name: str
    national_disease_code: str
    is_open_elsewhere: bool
    valid_months: int | None
    renew_days: int
    papers: tuple[AskedPaper, ...]
    institution_ids: frozenset[str]

    @property
    def paper_codes(self) -> tuple[str, ...]:
        """The codes of the papers, in the order of the list."""
        return tuple(each.paper_code for each in self.papers)


@dataclass(frozen=True, slots=True)
class DiseaseList:
    """What a region qualifies for from `start_date` on; None is the national list's."""

    start_date: dt.date | None
    diseases: Mapping[str, ListedDisease]

    def find(self, disease_code: str) -> ListedDisease | None:
        """Returns a disease by the region's code, or None."""
        return self.diseases.get(disease_code)

    def is_open_elsewhere(self, disease_code: str) -> bool:
        """Tells whether a disease is settled elsewhere; one that is not listed is not."""
        found = self.find(disease_code)
        return found is not None and found.is_open_elsewhere

    def listed(self, disease_code: str) -> ListedDisease:
        """Returns a disease by the region's code. Raises RuleError DISEASE_NOT_LISTED."""
        found = self.find(disease_code)
        if found is None:
            raise RuleError(
                Reason.DISEASE_NOT_LISTED,
                f"the region's list has no disease {disease_code}",
                disease_code=disease_code,
            )
        return found


class DiseaseLists:
    """The lists of all regions: each counts from its first day until the next one's."""

    def __init__(self, national: DiseaseList, of_regions: Iterable[tuple[str, DiseaseList]]):
        """Takes the national list, and regions with theirs; no region has two of one day."""
        self._national = national
        self._lists: dict[str, list[DiseaseList]] = {}
        for region, each in of_regions:
            self._lists.setdefault(region, []).append(each)
        for lists in self._lists.values():
            lists.sort(key=_first_day)

    def of(self, region: str, day: dt.date) -> DiseaseList:
        """Returns the list of a region that counts on a day."""
        lists = self._lists.get(region, [])
        at = bisect.bisect_right(lists, day, key=_first_day)
        return lists[at - 1] if at else self._national


def national_code(disease_code: str, *, national: Iterable[str], mapping: Mapping[str, str]) -> str:
    """Returns the national code that a region's code stands for; empty where there is none.

    The region's own table comes first, then the code itself, then the national code of the
    whole disease with the same first four characters. A national sub-code is never guessed:
    `M07800`, renal failure without dialysis, is not `M07801`, dialysis.
    """
    mapped = mapping.get(disease_code)
    if mapped is not None:
        return mapped
    known = frozenset(national)
    if disease_code in known:
        return disease_code
    whole = f"{disease_code[:_DISEASE_CHARACTERS]}{_WHOLE}"
    return whole if whole in known else ""


def _first_day(each: DiseaseList) -> dt.date:
    return each.start_date or dt.date.min

"""Regions of generated policies and years of bills that the service can settle too."""

import datetime as dt
import random
from dataclasses import dataclass, replace
from typing import Any

from support.benefit_cases.cases import YEARS_OF_A_POLICY, case
from support.benefit_cases.facts import CODES, ENROLMENT
from support.history_model.bills import Bill
from support.history_model.region import RefundOrder, Region
from support.history_model.regions import (
    INSTITUTIONS,
    PERSONS,
    amended,
    line_of,
    number_of_policy,
    policy_of,
)
from support.history_model.taking_back import random_own_debts
from support.history_model.terms import Terms
from support.played_histories import INSTITUTIONS as CODE_OF

from .insured import Insured, random_insured

# So that both persons' visits can be, the service's 31 less one.
REGISTERED_WITHIN_DAYS = 30
FIRST, AMENDED = "first", "amended"


@dataclass(frozen=True, slots=True)
class RegionCase:
    """A region with its persons' bills in the order of their days, and levels of institutions.

    The words of a bill tell more than the evaluator reads: `last` of its visit, `transfer_from`.
    """

    region: Region
    policies: dict[str, dict[str, Any]]
    insured: dict[str, Insured]
    bills: dict[str, tuple[tuple[str, Bill], ...]]
    levels: dict[str, str]


def region_case(seed: int) -> RegionCase:
    """Returns the case of a seed."""
    chance = random.Random(f"played region {seed}")
    number = number_of_policy(seed)
    policy = _as_played(policy_of(number))
    # Another policy that begins before its end would be refused.
    policy.pop("end_date", None)
    policies = {FIRST: policy, AMENDED: amended(policy)}
    region = Region(
        persons=PERSONS,
        institutions=INSTITUTIONS,
        versions={name: Terms(name, written) for name, written in policies.items()},
        in_force=FIRST,
        refund_order=chance.choice(list(RefundOrder)),
        newest_first=chance.random() < 0.15,
        own_debts=random_own_debts(seed),
    )
    levels = {name: chance.choice(CODES["institution_level"]) for name in INSTITUTIONS}
    insured = {person: random_insured(chance) for person in PERSONS}
    bills = {
        person: _bills(
            chance,
            case(number * YEARS_OF_A_POLICY + which).bills["bills"],
            f"{person}.",
            policy,
            insured[person],
            levels,
        )
        for which, person in enumerate(PERSONS)
    }
    return RegionCase(region, policies, insured, bills, levels)


def _as_played(written: Any) -> Any:
    """Returns a policy with the institutions of the service, and accounts of one purse."""
    if isinstance(written, dict):
        return {
            key: {name: _as_played(each) for name, each in value.items() if name != "purses"}
            if key == "account"
            else _as_played(value)
            for key, value in written.items()
        }
    if isinstance(written, list):
        return [_as_played(value) for value in written]
    return CODE_OF.get(written, written) if isinstance(written, str) else written


def _bills(
    chance: random.Random,
    written: list[dict[str, Any]],
    prefix: str,
    policy: dict[str, Any],
    insured: Insured,
    levels: dict[str, str],
) -> tuple[tuple[str, Bill], ...]:
    made: list[tuple[str, Bill]] = []
    for number, each in enumerate(written):
        is_last = not any(later["visit"] == each["visit"] for later in written[number + 1 :])
        lines = tuple(_lines(chance, each))
        if not lines:
            # The service refuses it; where it was to be the last, the one before is.
            if is_last and made and made[-1][1].visit_id == prefix + each["visit"]:
                institution, bill = made[-1]
                made[-1] = institution, replace(bill, words={**bill.words, "last": True})
            continue
        institution = each["facts"]["institution"]
        institution = institution if institution in INSTITUTIONS else INSTITUTIONS[0]
        words: dict[str, Any] = {
            "visit": prefix + each["visit"],
            "date": each["date"],
            "admitted": each.get("admitted", each["date"]),
            "facts": {**_of_visit(each["facts"]), **_of_institution(institution, levels)},
            "last": is_last,
        }
        if "given" in each:
            words["given"] = each["given"]
        if "transfer_from" in each:
            words["transfer_from"] = prefix + each["transfer_from"]
        bill = Bill(words, lines, each.get("use_account", False))
        made.append((institution, bill))
    return tuple(_with_stays(made, policy, insured))


def _lines(chance: random.Random, written: dict[str, Any]) -> Any:
    """Yields the lines that are settled: those of the catalogue, of days of the visit."""
    admitted, day = written.get("admitted", written["date"]), written["date"]
    for line in written["lines"]:
        if line["class"] is None or not admitted <= line.get("date", day) <= day:
            continue
        made = line_of(chance, dict(line)) if line["fen"] > 0 else None
        if made is not None and made.amount_fen:
            yield made


def _of_visit(facts: dict[str, Any]) -> dict[str, Any]:
    care_type = {"41": "11"}.get(facts["care_type"], facts["care_type"])
    return {"care_type": care_type, "disease": facts["disease"]}


def _of_institution(institution: str, levels: dict[str, str]) -> dict[str, Any]:
    return {
        "institution": CODE_OF[institution],
        "institution_level": levels[institution],
        "institution_kind": "hospital",
    }


def _registered(made: list[tuple[str, Bill]]) -> list[tuple[str, Bill]]:
    """Returns the bills of visits whose first one comes in time to register the visit."""
    first: dict[str, dt.date] = {}
    for _, bill in made:
        first.setdefault(bill.visit_id, bill.words["date"])
    return [
        (institution, bill)
        for institution, bill in made
        if (first[bill.visit_id] - bill.words["admitted"]).days <= REGISTERED_WITHIN_DAYS
    ]


def _with_stays(
    made: list[tuple[str, Bill]], policy: dict[str, Any], insured: Insured
) -> list[tuple[str, Bill]]:
    """Returns the bills with their stays and with what enrolment says of them.

    One stay goes on in another where a transfer lies no more days behind its end, which is that
    of its last bill, than the policy allows; what becomes of the bills moves no end. A transfer
    is told when the visit is registered, which is with its first bill.
    """
    made = _registered(made)
    within = ((policy.get("windows") or {}).get("stay") or {}).get("joins_transfers_within_days")
    ends: dict[str, dt.date] = {}
    for _, bill in made:
        ends[bill.visit_id] = bill.words["date"]
    stays: dict[str, dict[str, Any]] = {}
    chains: dict[str, str] = {}
    transfers: dict[str, str] = {}
    found = []
    for institution, bill in made:
        words, visit = dict(bill.words), bill.visit_id
        said = words.pop("transfer_from", "")
        before = transfers.setdefault(visit, said if said in ends else "")
        if before:
            words["transfer_from"] = before
        if visit not in stays:
            days = (words["admitted"] - ends[before]).days if before else 0
            joins = before and within is not None and days <= within
            own = {"visit": visit, "admitted": words["admitted"]}
            stays[visit] = stays[before] if joins else own
            chains[visit] = chains[before] if before else visit
        stay = words["stay"] = stays[visit]
        words["chain"] = chains[visit]
        words["facts"] = {**words["facts"], **insured.facts(words["date"])}
        words["facts_at_admission"] = insured.facts(stay["admitted"])
        assert words["facts_at_admission"].keys() == {*ENROLMENT}
        found.append((institution, replace(bill, words=words)))
    return found

"""The regions that come with the program, and their bills for the engine."""

import datetime as dt

from yibao_cli.loading import read_regions
from yibao_cli.regions import Region, SampleBill
from yibao_common.values.money import line_amount_fen
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.policy import BenefitPolicy

REGIONS: dict[str, Region] = {region.region: region for region in read_regions()}
# Those with bills of every kind of care.
BUNDLES = {name: region for name, region in REGIONS.items() if region.further_bills}
# A day of every policy.
DAY = dt.date(2025, 3, 1)


def policy_of(region: Region) -> BenefitPolicy:
    """Returns the policy of a region. Raises RuleError POLICY_FILE_INVALID."""
    return load_benefit_policy(region.policy_file, name=region.policy_name)


def bills_of(region: Region) -> dict[str, SampleBill]:
    """Returns the bills of a region by their care types."""
    return {bill.care_type: bill for bill in (region.sample_bill, *region.further_bills)}


def bill_of(region: Region, said: SampleBill) -> Bill:
    """Returns a bill that is priced by the catalogue of its region; an account holds enough."""
    levels = {each.institution_id: each.institution_level for each in region.institutions}
    person = said.person
    facts = Facts(
        care_type=said.care_type,
        institution=said.institution_id,
        institution_level=levels[said.institution_id],
        person_class=person.person_class,
        entitlement_groups=frozenset(person.entitlement_groups),
        age=person.age,
    )
    return Bill(
        visit_id="V1",
        date=DAY,
        lines=lines_of(region, said),
        facts=facts,
        account_used=said.account_used,
        balances=Balances(carried_fen=said.total_fen),
    )


def lines_of(region: Region, said: SampleBill) -> tuple[BillLine, ...]:
    """Returns the lines of a bill with class, share and what lies above the price ceiling."""
    items = {item.item_code: item for item in region.items}
    levels = {each.institution_id: each.institution_level for each in region.institutions}
    lines = []
    for line in said.lines:
        item = items[line.item_code]
        ceilings = (
            each.price_ceiling
            for each in item.level_price_ceilings
            if levels[said.institution_id] in each.institution_levels
        )
        ceiling = next(ceilings, item.price_ceiling)
        over = 0
        if ceiling:
            within = line_amount_fen(ceiling, line.quantity)
            over = max(line.amount_fen - within, 0)
        lines.append(
            BillLine(
                line_id=str(line.line_number),
                amount_fen=line.amount_fen,
                catalogue_class=item.catalogue_class,
                first_self_pay_ppm=item.first_self_pay_ratio_ppm,
                over_limit_fen=over,
                item_group=item.item_group or None,
            )
        )
    return tuple(lines)

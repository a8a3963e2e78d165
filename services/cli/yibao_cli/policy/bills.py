"""Bills to try a policy on: files of `yibao-bills/2`, and a region's sample bills."""

import datetime as dt
import os
from pathlib import Path

from yibao_cli.inputs import read_file
from yibao_cli.regions import Region, SampleBill, SampleLine, load_region
from yibao_common.files.yaml_file import parse_yaml
from yibao_common.process.config import StartError
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.bills import TriedBills, load_bills
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.bill import CatalogueItem, ChargedLine, LevelPriceCeiling
from yibao_settlement.rules.pricing import over_limit_fen

# The sample bills of a region; they name items of the catalogue beside them.
_SAMPLE_FORMAT = "yibao-bill/1"


def read_bills(path: Path, *, day: dt.date) -> TriedBills:
    """Returns the bills in a file; sample bills, which have no day, are of `day`.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake.
        StartError: the file cannot be read, or is a sample bill that is not in its region's folder.
    """
    contents = read_file(path)
    data = parse_yaml(contents, name=str(path), reason=Reason.POLICY_FILE_INVALID).data
    if not isinstance(data, dict) or data.get("format") != _SAMPLE_FORMAT:
        return load_bills(contents, name=str(path))
    region, bill = read_sample(path)
    # A sample says no balance: the account holds enough for all that it may pay.
    return TriedBills(Balances(bill.total_fen), (_bill(region, bill, day),))


def read_sample(path: Path) -> tuple[Region, SampleBill]:
    """Returns the sample bill in a file, with its region.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake of the region's files.
        StartError: the file is no sample bill in the folder of a region.
    """
    place = Path(os.path.realpath(path))
    in_further = place.parent.name == "bills"
    folder = place.parent.parent if in_further else place.parent
    is_named = path.suffix == ".yaml" if in_further else path.name == "bill.yaml"
    if not is_named or not place.is_file() or not (folder / "catalogue.yaml").is_file():
        # Another file would be read in its place, or none.
        raise StartError(
            f"{path}: a sample bill ({_SAMPLE_FORMAT}) is bill.yaml or bills/NAME.yaml in the "
            "folder of a region, with catalogue.yaml; bills of your own for yibao policy try are "
            "yibao-bills/2\n"
            "    样例账单须为统筹区文件夹内的 bill.yaml 或 bills/名称.yaml；"
            "用于 yibao policy try 的自拟账单请写作 yibao-bills/2"
        )
    region = load_region(folder)
    if not in_further:
        return region, region.sample_bill
    names = sorted(file.name for file in place.parent.glob("*.yaml"))
    return region, region.further_bills[names.index(path.name)]


def _bill(region: Region, bill: SampleBill, day: dt.date) -> Bill:
    (level,) = (
        each.institution_level
        for each in region.institutions
        if each.institution_id == bill.institution_id
    )
    items = {
        item.item_code: CatalogueItem(
            item.item_code,
            item.item_name,
            item.catalogue_class,
            item.first_self_pay_ratio_ppm,
            item.price_ceiling,
            item.start_date,
            item.end_date,
            item_group=item.item_group,
            level_price_ceilings=tuple(
                LevelPriceCeiling(each.institution_levels, each.price_ceiling)
                for each in item.level_price_ceilings
            ),
        )
        for item in region.items
    }
    person = bill.person
    return Bill(
        visit_id=bill.example,
        date=day,
        lines=tuple(_line(line, items[line.item_code], level) for line in bill.lines),
        facts=Facts(
            care_type=bill.care_type,
            institution=bill.institution_id,
            institution_level=level,
            person_class=person.person_class,
            entitlement_groups=frozenset(person.entitlement_groups),
            age=person.age,
        ),
        account_used=bill.account_used,
    )


def _line(line: SampleLine, item: CatalogueItem, level: str) -> BillLine:
    ceiling = item.ceiling_at(level)
    charged = ChargedLine(
        line.line_number, line.item_code, line.unit_price, line.quantity, line.amount_fen
    )
    return BillLine(
        line_id=str(line.line_number),
        amount_fen=line.amount_fen,
        catalogue_class=item.catalogue_class,
        first_self_pay_ppm=item.first_self_pay_ratio_ppm,
        over_limit_fen=over_limit_fen(charged, ceiling) if ceiling else 0,
        item_group=item.item_group or None,
    )

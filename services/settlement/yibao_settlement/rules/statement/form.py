"""The statement as a sheet in Chinese: cells in the order that sheets of the agencies have.

Amounts are in yuan with two decimals and no separators, and the unit is said once. Capitals
stand beside the totals. Both identities are printed, and 自付 and 自费 are defined with their
amounts, since institutions mean different things by them.
"""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.masking import Paper, name_on, number_on
from yibao_common.values.money import yuan
from yibao_common.values.sheet import (
    Column,
    Grid,
    Lines,
    Pair,
    Sheet,
    Table,
)
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.policy.split import OwnCost
from yibao_settlement.rules.statement import labels
from yibao_settlement.rules.statement.capitals import in_capitals
from yibao_settlement.rules.statement.since import table_since
from yibao_settlement.rules.statement.spans import span_of
from yibao_settlement.rules.statement.statement import (
    Care,
    DeductibleLine,
    Overflow,
    Parts,
    Share,
    Statement,
)
from yibao_settlement.rules.statement.telling import paid_share, sentences_of

# More lines are not printed: nobody reads them, and ListSettlements has them all.
MOST_ITEMS_PRINTED = 2_000

UNIT = "单位：元（保留两位小数）"
_SIGNATURES = ("结算员", "病人（家属）签字", "联系电话", "日期", "医疗机构（章）")
_INSIDE_IS = "医保目录内由您承担的部分：起付线、乙类先行自付、按比例自付、超过最高限额"
_OUTSIDE_IS = "医保目录外和超过医保限价的部分，由您全部承担，不计入起付线"
_OWN_COST_ZH = {
    OwnCost.NONE: "",
    OwnCost.OUTSIDE_COVER: "（当日不享受待遇）",
    OwnCost.LIMITED_USE: "（不符合限定支付条件）",
    OwnCost.THIRD_PARTY: "（应由第三人负担）",
    OwnCost.UNMAPPED: "（院内项目未对照医保目录）",
}
_PART_TITLES = ("医疗总费用", "统筹基金支付范围内", "乙类先行自付", "超限价自付", "自费")


class Printing(NamedTuple):
    """What a paper says that settlement does not know: whom it concerns, when it is printed.

    Name and number are empty where a line to write on is to be left.
    """

    paper: Paper
    person_name: str
    certificate_number: str
    print_day: dt.date


def sheet_of(statement: Statement, printing: Printing) -> Sheet:
    """Returns the sheet of a statement."""
    is_signed = printing.paper is Paper.SIGNED
    insurance = labels.insurance_zh(statement.insurance_type)
    care = labels.named(labels.CARE_TYPES_ZH, statement.care.care_type)
    interim = "中途" if statement.care.is_interim else ""
    return Sheet(
        title=f"{insurance}{care}医疗费用{interim}结算单",
        unit=UNIT,
        mark="" if statement.reversal is None else "本结算已撤销",
        front=(
            _head(statement, printing),
            _costs(statement),
            _payers(statement),
            *table_since(statement.returned, statement.costs_now, total_fen=statement.total_fen),
            *_shares(statement),
            *_year(statement),
            *_next(statement),
            Lines("费用说明", tuple(each.zh for each in sentences_of(statement))),
            _definitions(statement),
        ),
        signatures=_SIGNATURES if is_signed else (),
        foot=_foot(printing),
        list_title="医疗费用明细",
        list_pages=(_items(statement),),
    )


def _foot(printing: Printing) -> str:
    printed = f"打印日期 {printing.print_day.isoformat()}"
    if printing.paper is Paper.SIGNED:
        return f"{printed}　一式两份，医疗机构和参保人各执一份"
    return f"{printed}　副本：姓名和证件号码部分遮盖，供参保人交他人使用，不需签字"


def _head(statement: Statement, printing: Printing) -> Grid:
    groups = [labels.named(labels.GROUPS_ZH, each) for each in statement.entitlement_groups]
    provider, care = statement.provider, statement.care
    settled = statement.settle_time.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    paper, stay = printing.paper, is_stay(care.care_type)
    return Grid(
        (
            (
                Pair("姓名", name_on(paper, printing.person_name)),
                Pair("证件号码", number_on(paper, printing.certificate_number)),
                Pair("年龄", f"{statement.age}岁" if statement.age else "不满1岁"),
            ),
            (
                Pair("参保地", statement.region),
                Pair("险种类型", labels.insurance_zh(statement.insurance_type)),
                Pair("人员类别", labels.named(labels.PERSON_CLASSES_ZH, statement.person_class)),
            ),
            (
                Pair("医疗机构", provider.institution_name),
                Pair("医院等级", labels.named(labels.LEVELS_ZH, provider.institution_level)),
                Pair("身份类别", "、".join(groups) or "无"),
            ),
            (
                Pair("住院号" if stay else "门诊号", care.provider_visit_number),
                Pair("入院日期" if stay else "就诊日期", care.start_date.isoformat()),
                Pair("费用日期", statement.service_date.isoformat()),
            ),
            (
                Pair("单据号", statement.bill_number),
                Pair("结算时间", settled),
                Pair("待遇依据", statement.policy_title_zh),
            ),
            *_told_of_care(care),
            (Pair("结算编号", statement.settlement_id),),
        ),
    )


def _told_of_care(care: Care) -> Iterator[tuple[Pair, ...]]:
    """Yields rows of what an institution tells of some visits only."""
    row = []
    if care.end_date is not None:
        days = max((care.end_date - care.start_date).days, 1)
        row.append(Pair("出院日期", f"{care.end_date.isoformat()}　住院{days}天"))
    if care.department:
        row.append(Pair("就诊科室", care.department))
    if row:
        yield tuple(row)
    if care.diagnoses:
        yield (Pair("诊断", "；".join(each.diagnosis_name for each in care.diagnoses)),)


def _costs(statement: Statement) -> Table:
    rows = [
        (group.name_zh, str(group.line_count), *_parts(group.parts)) for group in statement.groups
    ]
    rows.append(("合计", str(len(statement.items)), *_parts(statement.parts)))
    amounts = tuple(Column(title, 5, is_amount=True) for title in _PART_TITLES)
    return Table(
        (Column("费用构成", 4), Column("项数", 2, is_amount=True), *amounts),
        tuple(rows),
        frozenset({len(rows) - 1}),
    )


def _parts(parts: Parts) -> tuple[str, ...]:
    return tuple(
        yuan(each)
        for each in (
            parts.amount_fen,
            parts.eligible_fen,
            parts.first_self_pay_fen,
            parts.over_limit_fen,
            parts.excluded_fen,
        )
    )


def _payers(statement: Statement) -> Table:
    rows = [(f"#{fund.name_zh}", yuan(fund.amount_fen), "") for fund in statement.funds]
    sums = (
        ("基金支付合计（不含个人账户）", statement.fund_total_fen),
        ("个人账户支付", statement.account_fen),
        ("个人现金支付", statement.cash_fen),
        ("医疗总费用", statement.total_fen),
    )
    strong = frozenset({len(rows), len(rows) + 3 + len(statement.others)})
    rows += [(name, yuan(amount), in_capitals(amount)) for name, amount in sums]
    rows[-3:-3] = [(f"#{each.name_zh}", yuan(each.amount_fen), "") for each in statement.others]
    return Table(
        (Column("支付构成", 10), Column("金额", 5, is_amount=True), Column("大写", 12)),
        tuple(rows),
        strong,
    )


def _shares(statement: Statement) -> tuple[Table, ...]:
    """Returns how funds came to what they pay: none where none had anything to pay on."""
    rows = [
        *map(_deductible_row, statement.deductibles),
        *map(_share_row, statement.shares),
        *map(_overflow_row, statement.overflows),
    ]
    if not rows:
        return ()
    columns = (
        Column("待遇计算", 12),
        Column("计算基数", 5, is_amount=True),
        Column("比例", 3, is_amount=True),
        Column("基金支付", 5, is_amount=True),
        Column("余下部分", 5, is_amount=True),
    )
    return (Table(columns, tuple(rows)),)


def _deductible_row(line: DeductibleLine) -> tuple[str, ...]:
    paid, told = yuan(line.paid_fen), ""
    if line.is_of_year:
        told = f"（年度标准{yuan(line.standard_fen)}，此前已付{yuan(line.before_fen)}）"
    return (f"本次起付标准{told}", paid, "", yuan(0), paid)


def _overflow_row(over: Overflow) -> tuple[str, ...]:
    amount = yuan(over.amount_fen)
    return (f"{over.name_zh}（超过最高限额部分）", amount, "", yuan(0), amount)


def _share_row(share: Share) -> tuple[str, ...]:
    where = ""
    if share.low_fen is not None and share.high_fen is not None:
        where = f"（{yuan(share.low_fen)}至{yuan(share.high_fen)}）"
    ratio = "" if share.ratio_ppm is None else percent(share.ratio_ppm)
    return (
        f"{share.name_zh}{where}",
        yuan(share.base_fen),
        ratio,
        yuan(share.paid_fen),
        yuan(share.left_fen),
    )


def _year(statement: Statement) -> tuple[Table, ...]:
    """Returns this time beside the year before it; none where the policy counts nothing."""
    rows = []
    for line in statement.year:
        numbers = (line.before, line.this_time, line.after)
        rows.append((line.name_zh, *(str(n) if line.is_count else yuan(n) for n in numbers)))
    if not rows:
        return ()
    columns = (
        Column(f"{statement.benefit_year}年度累计", 12),
        Column("此前累计", 5, is_amount=True),
        Column("本次", 5, is_amount=True),
        Column("累计", 5, is_amount=True),
    )
    return (Table(columns, tuple(rows)),)


def _next(statement: Statement) -> tuple[Table, ...]:
    """Returns what the next bill bears; none of a reversed settlement."""
    next_bill = statement.next_bill
    if next_bill is None or statement.reversal is not None:
        return ()
    rows = [("起付标准", "", yuan(next_bill.deductible_fen))]
    stay = is_stay(statement.care.care_type)
    for limit in next_bill.limits:
        span, most = span_of(limit, is_stay=stay).zh, "费用限额" if limit.of_fee else "最高支付"
        name = f"{limit.name_zh}（{span}{most}）"
        rows.append((name, yuan(limit.limit_fen), yuan(limit.left_fen)))
    columns = (
        Column("本次就医下次结算" if next_bill.is_of_stay else "本年度下次同类就医", 12),
        Column("限额", 5, is_amount=True),
        Column("还需付（还可付）", 6, is_amount=True),
    )
    return (Table(columns, tuple(rows)),)


def _definitions(statement: Statement) -> Grid:
    """Returns both identities with their amounts, and what 自付 and 自费 are."""
    parts = dict(zip(_PART_TITLES, _parts(statement.parts), strict=True))
    total = parts.pop("医疗总费用")
    costs = " ＋ ".join(f"{title} {amount}" for title, amount in parts.items())
    funds, account, cash, personal, inside, outside = (
        yuan(each)
        for each in (
            statement.fund_total_fen,
            statement.account_fen,
            statement.cash_fen,
            statement.personal_total_fen,
            statement.inside_list_fen,
            statement.outside_list_fen,
        )
    )
    others = "".join(f" ＋ {each.name_zh} {yuan(each.amount_fen)}" for each in statement.others)
    return Grid(
        (
            (Pair("费用", f"{total} ＝ {costs}"),),
            (
                Pair(
                    "支付", f"{total} ＝ 基金 {funds}{others} ＋ 个人账户 {account} ＋ 现金 {cash}"
                ),
            ),
            (
                Pair(
                    "个人", f"自付 {inside} ＋ 自费 {outside} ＝ 个人账户 {account} ＋ 现金 {cash}"
                ),
            ),
            (
                Pair("个人自付", inside),
                Pair("个人自费", outside),
                Pair("个人负担合计", personal),
            ),
            (
                Pair("个人账户余额", yuan(statement.account_balance_fen)),
                Pair("实际报销比例", paid_share(statement)),
            ),
            *_carried(statement),
            *_family(statement),
            (Pair("自付是指", _INSIDE_IS),),
            (Pair("自费是指", _OUTSIDE_IS),),
        ),
    )


def _carried(statement: Statement) -> Iterator[tuple[Pair, ...]]:
    """Yields what is of earlier years (历年), where the account held some."""
    paid_fen, left_fen = statement.account_carried_fen, statement.carried_balance_fen
    if paid_fen or left_fen:
        yield (
            Pair("其中历年账户支付", yuan(paid_fen)),
            Pair("其中历年账户余额", yuan(left_fen)),
        )


def _family(statement: Statement) -> Iterator[tuple[Pair, ...]]:
    """Yields what accounts of relatives paid (共济), where some did."""
    if statement.family:
        yield (
            Pair("其中亲属共济支付", yuan(sum(fen for _, fen in statement.family))),
            Pair("共济亲属", "、".join(labels.relation_zh(each) for each, _ in statement.family)),
        )


def _items(statement: Statement) -> Table:
    items = statement.items[:MOST_ITEMS_PRINTED]
    rows = []
    for item in items:
        ratio = item.first_self_pay_ratio_ppm
        rows.append(
            (
                str(item.line_number),
                item.item_name + _OWN_COST_ZH[item.own_cost],
                labels.named(labels.CLASSES_ZH, item.catalogue_class)[:2],
                item.unit_price,
                item.quantity,
                "100%" if ratio is None else percent(ratio),
                *_parts(item.parts),
            )
        )
    if len(items) < len(statement.items):
        rows.append(("", f"其余{len(statement.items) - len(items)}项未列", *[""] * 9))
    rows.append(("", "合计", "", "", "", "", *_parts(statement.parts)))
    strong = frozenset({len(rows) - 1})
    refused = statement.not_charged
    if refused.line_count:
        told = f"另有{refused.line_count}项未计入本单，由医疗机构更正后另行结算"
        rows.append(("", told, *[""] * 4, yuan(refused.amount_fen), *[""] * 4))
    columns = (
        Column("序号", 3),
        Column("项目名称", 12),
        Column("类别", 3),
        Column("单价", 5, is_amount=True),
        Column("数量", 4, is_amount=True),
        Column("自付比例", 3, is_amount=True),
        Column("金额", 5, is_amount=True),
        Column("范围内", 5, is_amount=True),
        Column("先行自付", 5, is_amount=True),
        Column("超限价", 5, is_amount=True),
        Column("自费", 5, is_amount=True),
    )
    return Table(columns, tuple(rows), strong)

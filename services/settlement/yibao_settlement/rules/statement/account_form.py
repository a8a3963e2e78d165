"""The statement of a personal account as a sheet in Chinese.

No national form of it was found: it has what the pages of agencies show (this year's and earlier
years' balance, both together) and one row a movement.
"""

from collections.abc import Mapping

from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.masking import Paper, name_on, number_on
from yibao_common.values.money import yuan
from yibao_common.values.sheet import Column, Grid, Lines, Pair, Sheet, Table
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.account_statement import AccountStatement, MovedRelative, Movement
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.statement import labels
from yibao_settlement.rules.statement.capitals import in_capitals
from yibao_settlement.rules.statement.form import UNIT, Printing

_KINDS_ZH: Mapping[PostingKind, str] = {
    PostingKind.SETTLEMENT: "就医购药支付",
    PostingKind.REVERSAL: "结算撤销退回",
    PostingKind.CREDIT: "划入",
    PostingKind.MERGE: "档案合并转入",
    PostingKind.CARRY_OVER: "年度结转",
    PostingKind.ADJUSTMENT: "重新计算调整",
    PostingKind.MOVE: "应补账户划入",
    PostingKind.REFUND: "退费退回",
    PostingKind.INTEREST: "年度结息",
    PostingKind.CREDIT_TAKEN_BACK: "误划冲回",
    PostingKind.RECEIVABLE_MET: "抵扣应收",
    PostingKind.PAID_OUT: "账户清退",
    PostingKind.TRANSFERRED_OUT: "账户转出",
    PostingKind.FAMILY: "亲属共济",
}
_SOURCES_ZH = {"allocation": "按月划拨", "recharge": "个人充值", "transfer": "账户转入"}
_SIGNATURES = ("经办人", "参保人（家属）签字", "日期", "经办机构（章）")
_NOTES = (
    "当年账户是本年度划入的部分，历年账户是以前年度结余的部分；每年1月1日当年结余转入历年账户。",
    "支付为负数，划入和退回为正数；每一行的余额是该笔业务之后两部分余额之和。",
    "对本单有疑问，请向参保地医疗保障经办机构查询。",
)


def account_sheet_of(statement: AccountStatement, printing: Printing) -> Sheet:
    """Returns the sheet of a personal account's statement."""
    is_signed = printing.paper is Paper.SIGNED
    return Sheet(
        title="基本医疗保险个人账户对账单",
        unit=UNIT,
        mark="",
        front=(
            _head(statement, printing),
            _sums(statement),
            _movements(statement),
            Lines("说明", _NOTES),
        ),
        signatures=_SIGNATURES if is_signed else (),
        foot=_foot(printing),
        list_title="",
        list_pages=(),
    )


def _foot(printing: Printing) -> str:
    printed = f"打印日期 {printing.print_day.isoformat()}"
    if printing.paper is Paper.SIGNED:
        return f"{printed}　一式两份，经办机构和参保人各执一份"
    return f"{printed}　副本：姓名和证件号码部分遮盖，供参保人交他人使用，不需签字"


def _head(statement: AccountStatement, printing: Printing) -> Grid:
    paper = printing.paper
    days = f"{statement.start_date.isoformat()} 至 {statement.end_date.isoformat()}"
    return Grid(
        (
            (
                Pair("姓名", name_on(paper, printing.person_name)),
                Pair("证件号码", number_on(paper, printing.certificate_number)),
                Pair("参保地", statement.region),
            ),
            (Pair("对账期间", days), Pair("业务笔数", str(len(statement.movements)))),
        )
    )


def _sums(statement: AccountStatement) -> Table:
    rows = (
        _held("期初余额", statement.opening),
        ("本期划入", "", "", yuan(statement.credited_fen), ""),
        ("本期支付（减退回）", "", "", yuan(-statement.paid_fen), ""),
        *_family(statement),
        ("其他调整", "", "", yuan(statement.moved_fen), ""),
        _held("期末余额", statement.closing),
    )
    columns = (
        Column("项目", 6),
        Column("当年账户", 5, is_amount=True),
        Column("历年账户", 5, is_amount=True),
        Column("合计", 5, is_amount=True),
        Column("大写", 10),
    )
    return Table(columns, rows, frozenset({0, len(rows) - 1}))


def _family(statement: AccountStatement) -> tuple[tuple[str, ...], ...]:
    """Returns the row of relatives' money, where some moved."""
    if all(each.kind is not PostingKind.FAMILY for each in statement.movements):
        return ()
    return (("亲属共济（转入为正）", "", "", yuan(statement.family_fen), ""),)


def _held(name: str, purses: Purses) -> tuple[str, ...]:
    amounts = purses.current_year_fen, purses.carried_fen, purses.balance_fen
    return (name, *map(yuan, amounts), in_capitals(purses.balance_fen))


def _movements(statement: AccountStatement) -> Table:
    rows, balance_fen = [], statement.opening.balance_fen
    for number, each in enumerate(statement.movements, 1):
        balance_fen += each.amount_fen
        rows.append(_row(number, each, balance_fen))
    if not rows:
        rows.append(("", "", "本期无业务", "", "", "", "", ""))
    columns = (
        Column("序号", 2),
        Column("时间", 6),
        Column("业务", 5),
        Column("医疗机构／来源", 8),
        Column("单据号", 6),
        Column("当年账户", 4, is_amount=True),
        Column("历年账户", 4, is_amount=True),
        Column("余额", 4, is_amount=True),
    )
    return Table(columns, tuple(rows))


def _row(number: int, each: Movement, balance_fen: int) -> tuple[str, ...]:
    where, bill_number = _SOURCES_ZH.get(each.credit_source, each.credit_source), ""
    if each.bill is not None:
        where = each.bill.institution_name or each.bill.institution_id
        bill_number = each.bill.bill_number
    if each.relatives:
        where = "、".join([*map(_relative, each.relatives), where])
    return (
        str(number),
        each.move_time.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
        _KINDS_ZH.get(each.kind, "其他"),
        where,
        bill_number,
        yuan(each.change.current_year_fen),
        yuan(each.change.carried_fen),
        yuan(balance_fen),
    )


def _relative(each: MovedRelative) -> str:
    """Returns who a relative is: as the giver is to the receiver, with the name masked."""
    return f"{labels.relation_zh(each.relation)} {each.relative_name_masked}".rstrip()

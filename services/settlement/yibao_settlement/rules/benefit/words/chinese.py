"""Policies in Chinese words; amounts in yuan, ratios in per cent."""

from collections.abc import Iterable, Iterator

from yibao_common.values.money import PPM, yuan
from yibao_settlement.rules.benefit.amounts import (
    BASE,
    Adjustment,
    Amount,
    Bracket,
    BracketsRow,
    Ratio,
    Rounding,
    RoundingMode,
)
from yibao_settlement.rules.benefit.conditions import Among, Between, Condition, Matcher, Members
from yibao_settlement.rules.benefit.names import REST, name_of
from yibao_settlement.rules.benefit.policy import Counter
from yibao_settlement.rules.benefit.steps import (
    BY_ITEM,
    OWN_COST,
    AccountStep,
    Bearer,
    DeductibleStep,
    GivenStep,
    Purse,
    SharesRow,
    TiersStep,
)
from yibao_settlement.rules.benefit.windows import Window
from yibao_settlement.rules.benefit.wording import code_zh, fact_zh
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH

_CLASSES = {"01": "甲类", "02": "乙类", "03": "丙类"}
_BEARERS = {Bearer.HOSPITAL: "医院", Bearer.EMPLOYER: "用人单位", Bearer.TREASURY: "财政"}
_PURSES = {Purse.CURRENT_YEAR: "当年账户", Purse.CARRIED: "历年账户", Purse.FAMILY: "家庭共济"}
SPANS = {
    Window.BILL: "每张单据",
    Window.DAY: "每日",
    Window.MONTH: "每月",
    Window.PERIOD: "每结算期",
    Window.STAY: "每次住院",
    Window.YEAR: "每年",
}
_PARTS = {
    "total": "医疗费总额",
    "eligible": "符合政策范围金额",
    "first_self_pay": "先行自付金额",
    "over_limit": "超限价自费费用",
    "excluded": "全自费金额",
}
_LEFT = {
    "base": "计算基数",
    "paid": "支付额",
    "rest": "起付以上部分",
    "below": "起付以下部分",
    "covered": "纳入支付部分",
    "copay": "自付额",
    "overflow": "超出部分",
    "arrears": "补付额",
}
# From ten thousand yuan, whole ones are told as such.
_TEN_THOUSAND_YUAN = 1_000_000


def money(fen: int) -> str:
    """Returns yuan as people write it: 2000000 -> `2 万元`, 90050 -> `900.50 元`."""
    if fen and fen % _TEN_THOUSAND_YUAN == 0:
        return f"{fen // _TEN_THOUSAND_YUAN} 万元"
    return f"{yuan(fen).removesuffix('.00')} 元"


def amount(value: Amount) -> str:
    """Returns fen, or a share with its bounds."""
    if isinstance(value, int):
        return money(value)
    text = name(value.of) if value.of != BASE else "基数"
    if value.ratio_ppm != PPM:
        text += f" 的 {percent(value.ratio_ppm)}"
    if value.least_fen:
        text += f"（最低 {money(value.least_fen)}）"
    return text if value.most_fen is None else f"{text}（最高 {money(value.most_fen)}）"


def name(text: str) -> str:
    """Returns what lots or an amount are called; a parameter by its own name."""
    of = name_of(text)
    group = f"（{'其他' if of.group == REST else of.group}）" if of.group else ""
    if of.step_id:
        return f"{of.step_id} {_LEFT[of.what]}{group}"
    return _PARTS.get(of.what, of.what) + group


def names(texts: Iterable[str]) -> str:
    """Returns a list of names in its order."""
    return "、".join(name(text) for text in texts)


class Chinese:
    """Tells policies in Chinese."""

    def sentence(self, title: str, conditions: str, text: str) -> str:
        """Returns a whole sentence."""
        return f"{title}：{conditions}，{text}。" if conditions else f"{title}：{text}。"

    def title(self, owner: str, title: str, title_zh: str) -> str:
        """Returns id and title."""
        return f"{owner} {title_zh}".strip()

    def conditions(self, applies: Condition, when: Condition | None) -> str:
        """Returns what must hold, empty for everybody."""
        matchers = (*applies.matchers, *(when.matchers if when else ()))
        texts = [text for fact, matcher in matchers if (text := _matcher(fact, matcher))]
        return "，".join([*texts, *(["其他情况"] if when is None else [])])

    def shares(self, row: SharesRow) -> str:
        """Returns first self-pay shares by class."""
        told = [f"{_CLASSES[code]}{_share(each)}" for code, each in sorted(row.shares.items())]
        return "，".join([*told, *(["按就医地目录"] * row.as_attested)])

    def deductible(self, step: DeductibleStep, value: Amount) -> str:
        """Returns what is borne first."""
        kind = "先行自付" if step.as_first_self_pay else "起付"
        kept = "" if step.makes_up else "，以首张单据确定的金额为准"
        if value == 0:
            return f"不设{kind}" if step.as_first_self_pay else "不设起付线"
        span = _span(step.window, step.per)
        return f"{span}{kind} {amount(value)}，从 {names(step.base)} 依次扣除{kept}"

    def brackets(self, step: TiersStep, row: BracketsRow) -> str:
        """Returns what a payer pays along brackets, or tops up."""
        payer, span = _payer(step), _span(step.window, step.per)
        told = "；".join(_bracket(bracket) for bracket in row.brackets)
        extras = "".join(f"（{text}）" for text in _extras(step, row))
        if step.less is not None:
            less = names(step.less)
            return (
                f"{payer}对 {names(step.base)} 按{span}应付额补足差额，已付 {less} "
                f"扣除{extras}：{told}"
            )
        return f"{payer}对 {names(step.base)} {span}累计分段{extras}：{told}"

    def adjustment(self, change: Adjustment) -> str:
        """Returns how ratios change."""
        told = []
        if change.factor_ppm != PPM:
            told.append(f"乘以 {percent(change.factor_ppm)}")
        if change.points_ppm:
            points = percent(abs(change.points_ppm)).removesuffix("%")
            told.append(f"{'降低' if change.points_ppm < 0 else '提高'} {points} 个百分点")
        return f"支付比例{'，再'.join(told) or '不变'}"

    def given(self, step: GivenStep) -> str:
        """Returns what others have paid."""
        return f"他方已付（{'、'.join(step.fund_types)}） {names(step.base)}"

    def account(self, step: AccountStep) -> str:
        """Returns what the account pays."""
        purses = "、".join(_PURSES[purse] for purse in step.purses)
        return f"个人账户支付 {names(step.base)}（{purses}）"

    def limit(self, counter: Counter, limit: Amount | None) -> str:
        """Returns what a counter lets through."""
        counted = (*counter.limits, *counter.counts)
        together = "合计" if len(counted) > 1 else ""
        most = "不设限额" if limit is None else f"不超过 {amount(limit)}"
        beside = f"（限制 {names(counter.limits)}）" if counter.counts else ""
        return f"{_span(counter.window, counter.per)} {names(counted)} {together}{most}{beside}"


def _share(share: int) -> str:
    if share in (OWN_COST, BY_ITEM):
        return "自费" if share == OWN_COST else "按项目先行自付"
    return f"先行自付 {percent(share)}"


def _span(window: Window, per: tuple[str, ...]) -> str:
    by = f"（按{'、'.join(fact_zh(fact) for fact in per)}分别）" if per else ""
    return f"{SPANS[window]}{by}"


def _payer(step: TiersStep) -> str:
    if isinstance(step.payer, Bearer):
        return _BEARERS[step.payer]
    return f"{FUND_NAMES_ZH.get(step.payer, '基金')}（{step.payer}）"


def _bracket(bracket: Bracket) -> str:
    end = "" if bracket.upto_fen is None else f"至 {money(bracket.upto_fen)}"
    return f"{money(bracket.over_fen)}以上{end}支付 {_ratio(bracket.ratio)}"


def _ratio(ratio: Ratio) -> str:
    if isinstance(ratio, int):
        return percent(ratio)
    sign = "减" if ratio.each_ppm < 0 else "加"
    each = f"{fact_zh(ratio.fact)}每 1 {sign} {percent(abs(ratio.each_ppm))}"
    bounds = f"不低于 {percent(ratio.least_ppm)}，不高于 {percent(ratio.most_ppm)}"
    return f"{percent(ratio.base_ppm)}，{each}（{bounds}）"


def _extras(step: TiersStep, row: BracketsRow) -> Iterator[str]:
    if row.threshold:
        yield f"{amount(row.threshold)} 以上起算"
    if step.on_top_of:
        yield f"在 {names(step.on_top_of)} 之上起算"
    if step.axis_is_paid:
        yield "各段按支付额计"
    if text := _rounded(step.rounding):
        yield text


def _rounded(rounding: Rounding) -> str:
    told = ["逐段"] if rounding.by_bracket else []
    told += ["向下"] if rounding.mode is RoundingMode.DOWN else []
    unit = f"到 {money(rounding.unit_fen)}" if rounding.unit_fen > 1 else ""
    return f"{''.join(told)}取整{unit}" if told or unit else ""


def _matcher(fact: str, matcher: Matcher) -> str:
    called = fact_zh(fact)
    if isinstance(matcher, Among):
        return f"{called} {'、'.join(code_zh(fact, code) for code in matcher.codes)}"
    if isinstance(matcher, Between):
        low, high = matcher.low, matcher.high
        if high is None:
            return f"{called} {low} 及以上"
        span = f"{low} 至 {high}" if low else f"{high} 及以下"
        return f"{called} {low}" if low == high else f"{called} {span}"
    if isinstance(matcher, Members):
        told = [("同时含", matcher.all_of), ("含", matcher.any_of), ("不含", matcher.none_of)]
        texts = [
            f"{word} {'、'.join(code_zh(fact, code) for code in sorted(codes))}"
            for word, codes in told
            if codes
        ]
        return f"{called}{'且'.join(texts)}" if texts else ""
    return ""

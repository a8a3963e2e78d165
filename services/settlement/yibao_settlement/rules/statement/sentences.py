"""The sentences of a statement: one reason each, in Chinese and English, for the person.

Amounts come last and are figures of the sheet. Chinese ones have at most 60 characters when
they are filled in.
"""

from collections.abc import Mapping
from typing import NamedTuple

from yibao_common.values.money import yuan

MOST_CHARACTERS = 60
_NAME_CHARACTERS = 16

# Chinese and English by the name of the sentence.
_BANK: Mapping[str, tuple[str, str]] = {
    "SUM1": (
        "这次一共花费{total}元，医保付了{funds}元，您自己付{own}元。",
        "This visit cost {total}; insurance paid {funds}, you pay {own}.",
    ),
    "SUM2": (
        "您付的{own}元里，个人账户{account}元，现金{cash}元。",
        "Of your {own}, {account} came from your account and {cash} in cash.",
    ),
    "OTH1": (
        "另有{payer}{paid}元，不由您负担。",
        "Others bear a part that is not yours ({payer}): {paid}.",
    ),
    "SUM3": (
        "按全部费用算，医保实际付了{share}。",
        "Of the whole bill, insurance paid {share}.",
    ),
    "OWN1": (
        "您自己付的钱里，目录内的（自付）{inside}元，目录外的（自费）{outside}元。",
        "Of what you pay, {inside} is inside the list and {outside} outside it.",
    ),
    "SCOPE1": (
        "{scope}元计入医保报销范围，{out}元不属于医保范围。",
        "{scope} counts for insurance, {out} is outside of it.",
    ),
    "B1": (
        "{item}是乙类，您先承担{rate}即{pre}元，其余{rest}元计入报销范围。",
        "{item} is class B: you first bear {rate} ({pre}); {rest} counts.",
    ),
    "B2": (
        "所有乙类项目的先行自付部分合计{pre}元。",
        "First shares of all class B items: {pre}.",
    ),
    "C1": (
        "{item}不在医保报销范围内，{amount}元由您全部承担。",
        "{item} is not covered; you bear all {amount}.",
    ),
    "C0": (
        "共{count}项不在医保报销范围内，{amount}元由您全部承担。",
        "{count} items are not covered; you bear all {amount}.",
    ),
    "L1": (
        "{item}收费高于医保限价，超出的{over}元由您承担。",
        "{item} cost more than insurance counts; you bear {over} above the ceiling.",
    ),
    "L0": (
        "共{count}项收费高于医保限价，超出的{over}元由您承担。",
        "{count} items cost more than insurance counts; you bear {over} above the ceilings.",
    ),
    "D1": (
        "起付线以下的{paid}元先由您承担，医保从超过的部分开始付。",
        "You bear the deductible of {paid}; insurance pays from there on.",
    ),
    "D3": (
        "本年起付线已付满，这次不再收。",
        "You have already met this year's deductible; none this time.",
    ),
    "D4": (
        "本年起付线{standard}元，您此前已付{before}元，这次付{paid}元。",
        "Deductible of the year {standard}: {before} paid before, {paid} this time.",
    ),
    "R1": (
        "起付线以上的{base}元，按{rate}报销，医保付{paid}元，您付{left}元。",
        "Of {base} above the deductible, {rate} is paid: {paid}; you pay {left}.",
    ),
    "R2": (
        "{low}元到{high}元这一段有{base}元，按{rate}付{paid}元。",
        "In the bracket {low} to {high} lie {base}: {rate} gives {paid}.",
    ),
    "R5": (
        "计算后的小数按四舍五入到分。",
        "Amounts are rounded half up to the fen.",
    ),
    "F1": (
        "{fund}对{base}元按{rate}支付，付{paid}元。",
        "{fund} pays {rate} of {base}: {paid}.",
    ),
    "F0": ("{fund}付{paid}元。", "{fund} pays {paid}."),
    "CAP2": (
        "有{over}元超过{fund}的最高限额，转由其他基金支付或由您承担。",
        "{over} exceeds the limit of {fund} and goes to other funds or to you.",
    ),
    "AC1": (
        "您的个人账户付{account}元，余额{balance}元；账户里的钱是您自己的。",
        "Your account paid {account}, balance {balance}; that money is yours.",
    ),
    "AC2": (
        "账户余额不足，只付了{account}元，其余{cash}元付现金。",
        "The balance was not enough: {account} from it, {cash} in cash.",
    ),
    "AC4": (
        "其中{paid}元是历年结转的钱，历年账户还有{left}元。",
        "Of it, {paid} was of earlier years, of which {left} is left.",
    ),
    "FAM1": (
        "{account}元由{relation}的账户共济支付，不影响您的报销比例。",
        "{account} came from the account of your {relation}; your ratio is unchanged.",
    ),
    "AC3": ("您选择不使用个人账户。", "You chose not to use the account."),
    "CASH1": ("请付现金{cash}元。", "Please pay {cash} in cash."),
    "NEXT1": (
        "本年下一次同类就医，起付线是{paid}元。",
        "The deductible of your next visit of this kind this year is {paid}.",
    ),
    "NEXT2": (
        "{fund}{span}最多付{limit}元，还可以付{left}元。",
        "{fund} pays at most {limit} {span}; {left} is left.",
    ),
    "NEXT3": (
        "{fund}{span}已付满{limit}元，不再支付。",
        "{fund} has paid its limit of {limit} {span} and pays no more.",
    ),
    "NEXT4": (
        "本次就医的下一次结算，起付线还差{paid}元。",
        "At the next bill of this visit, {paid} of the deductible is still to be borne.",
    ),
    "NEXT5": (
        "{fund}{span}最多付{limit}元。",
        "{fund} pays at most {limit} {span}.",
    ),
    "NEXT6": (
        "{fund}{span}最多对{limit}元费用支付，还可以对{left}元费用支付。",
        "{fund} pays on costs of at most {limit} {span}; {left} of them is left.",
    ),
    "NEXT7": (
        "{fund}{span}最多对{limit}元费用支付。",
        "{fund} pays on costs of at most {limit} {span}.",
    ),
    "NEXT8": (
        "{fund}{span}已对{limit}元费用支付，达到限额，不再支付。",
        "{fund} has paid on {limit} of costs, its limit {span}, and pays no more.",
    ),
    "RET1": (
        "结算后退了{count}项费用，共{total}元（最近一次{date}），本单是退费后的结果。",
        "Of {count} items something was returned, {total} in all (last on {date}); this sheet is "
        "of what is left.",
    ),
    "RET2": (
        "退费退回医保{funds}元、个人账户{account}元、现金{cash}元。",
        "{funds} went back to insurance, {account} to your account, {cash} to you in cash.",
    ),
    "RET3": ("退费退回{payer}{amount}元。", "What went back to {payer}: {amount}."),
    "RET4": (
        "退费后{payer}要多付{amount}元。",
        "After the return {payer} bears {amount} more.",
    ),
    "NOW0": (
        "您此前的就医或待遇有变动，所以这次的费用重新计算；窗口已收的钱不变。",
        "Your earlier care or benefits changed, so this bill was decided again; what was paid "
        "at the counter stays.",
    ),
    "NOW1": (
        "本单按现在的情况应为：医保付{funds}元，账户{account}元，现金{cash}元。",
        "As things are now: insurance {funds}, your account {account}, cash {cash}.",
    ),
    "NOW2": (
        "这次您多付了{owed}元，由医保经办机构与您结算，不在窗口退。",
        "You paid {owed} too much, which the agency settles with you, and not the counter.",
    ),
    "NOW3": (
        "这次您少付了{owed}元，由医保经办机构与您结算，医院不收。",
        "You paid {owed} too little, which the agency settles with you, and not the hospital.",
    ),
    "NOW4": (
        "个人账户这次多付了{due}元，退回您的个人账户。",
        "Your account paid {due} too much, which goes back into it.",
    ),
    "OFF1": (
        "您在{place}看病，{category}备案有效，按{terms}报销。",
        "Treated in {place} with a valid {category} registration: {terms} apply.",
    ),
    "OFF2": (
        "没有备案，医保少付{difference}元。",
        "Without registration insurance pays {difference} less.",
    ),
    "OFF3": (
        "若结算前完成备案，医保可多付{difference}元，您现在还可以补办。",
        "Registering before the bill is settled would add {difference}; you can still do it now.",
    ),
    "OFF4": (
        "用药和项目按本省统一目录，比例和上限按{home}的政策。",
        "The one list of the province and the ratios and caps of {home} apply.",
    ),
    "OFF6": (
        "急诊已视同备案，不降低比例。",
        "Emergency counts as registered; no reduction.",
    ),
    "OFF6R": (
        "急诊已视同备案，按急诊待遇报销。",
        "Emergency counts as registered: the terms of emergencies apply.",
    ),
    "OFF8": (
        "与在{home}看病相比，医保少付{difference}元。",
        "Compared with care at home in {home}, insurance pays {difference} less.",
    ),
    "OFF9": (
        "您在{place}看病，没有备案，按{terms}报销。",
        "Treated in {place} without a registration: {terms} apply.",
    ),
    "REF1": (
        "这次结算已于{date}撤销，退回医保{funds}元、账户{account}元、现金{cash}元。",
        "This settlement was cancelled on {date}: {funds} to the funds, {account} to the "
        "account, {cash} cash back.",
    ),
}


class Name(NamedTuple):
    """What something is called in sentences of either language."""

    zh: str
    en: str


class Sentence(NamedTuple):
    """A sentence in both languages; `amounts_fen` are what it names, `pays_fen` what it
    tells of as paid by a fund.
    """

    sentence_id: str
    zh: str
    en: str
    amounts_fen: tuple[int, ...]
    pays_fen: int = 0

    @property
    def fits(self) -> bool:
        """Whether it is short enough."""
        return len(self.zh) <= MOST_CHARACTERS


def say(sentence_id: str, *, pays_fen: int = 0, **told: int | str | Name) -> Sentence:
    """Returns a sentence filled in: amounts are numbers in fen, all else is names and text."""
    filled = {name: yuan(each) if isinstance(each, int) else each for name, each in told.items()}
    zh, en = _BANK[sentence_id]
    in_zh = {name: each.zh if isinstance(each, Name) else each for name, each in filled.items()}
    in_en = {name: each.en if isinstance(each, Name) else each for name, each in filled.items()}
    amounts = tuple(each for each in told.values() if isinstance(each, int))
    return Sentence(sentence_id, zh.format(**in_zh), en.format(**in_en), amounts, pays_fen)


def short(name: str) -> str:
    """Returns a name that leaves room for the sentence around it."""
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"

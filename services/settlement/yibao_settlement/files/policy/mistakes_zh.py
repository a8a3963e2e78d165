"""Mistakes of policy and bill files in Chinese, for the clerk who mends them.

A mistake is told in English where it is found; what is in it for a clerk is one of a few
dozen sentences, found again here by their words, for the command and over the wire alike.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from yibao_common.values.errors import FieldFault

# What stands behind a message: how its value is written.
_HINTS = (
    ("; ratios are in millionths: 75 % is 750_000", "；比例以百万分之一计，75% 写作 750_000"),
    ("; money is in fen: 200 yuan is 20_000", "；金额以分计，200 元写作 20_000"),
    (
        "; the full-width sign ： is no colon, expected : and a space",
        "；全角冒号应为半角，后加空格",
    ),
)

# What a value should be, in English and Chinese; `{}` stands for what varies.
_EXPECTED = (
    ("a whole number from {} to {}", "{} 至 {} 的整数"),
    ("an integer from {} to {}", "{} 至 {} 的整数"),
    ("a day such as 2024-01-31", "日期，如 2024-01-31"),
    ("a day not before start_date{}", "不早于 start_date 的日期{}"),
    ("a code in quotes, a list of codes or any", "加半角引号的代码、代码列表或 any"),
    ("a list of {}", "列表（{}）"),
    ("a mapping (key: value)", "键: 值 的结构"),
    ("a mapping", "键: 值 的结构"),
    ("a text of 1 to {} characters", "1 至 {} 个字符的文字"),
    ("a care type, or its beginning and *", "医疗类别代码，或其开头加 *"),
    ("a source that the file lists ({})", "sources 中列出的文件（{}）"),
    ("a fact that is a number", "数值类条件"),
    ("a fund type such as 310100{}", "基金支付类型，如 310100，加半角引号"),
    ("a region of 6 digits{}", "6 位统筹区代码，加半角引号"),
    ("an insurance type of 3 digits{}", "3 位险种代码，加半角引号"),
    ("a step id such as D1 or P1", "步骤编号，如 D1、P1"),
    ("a day of the year such as 01-01{}", "月-日，如 01-01"),
    ("one of {}", "以下之一：{}"),
    ("{} (the threshold on this axis)", "{}，即此轴上的起付线"),
    ("{} (where the one before ends)", "{}，即上一段的终点"),
    ("more than over_fen ({})", "大于 over_fen（{}）"),
    ("a deductible step above this one ({})", "前面的 deductible 步骤（{}）"),
    ("a name of small letters, digits and _{}", "小写字母、数字和 _ 组成的名称"),
    (
        "a name of small letters, digits, points and hyphens{}",
        "小写字母、数字、点和连字符组成的名称",
    ),
    ("a number from {} to {}, {from: ..., to: ...} or any", "{} 至 {} 的数、from 和 to 或 any"),
    ("care groups of this file ({}) or any", "本文件的 care_groups（{}）或 any"),
    ("institution levels from {} to {}, or any", "{} 至 {} 的医疗机构等级或 any"),
    ("{}", "{}"),
)

# What was found, where it is no value that a message repeats.
_FOUND = {"nothing": "空", "a mapping": "键: 值 的结构", "a list": "列表"}

# Whole messages; `{}` as above. The first that fits holds.
_SENTENCES = (
    ("is missing", "缺少此项"),
    ("is not a key here; known: {}", "此处没有这个键，可用：{}"),
    ("{} is not left by an earlier step; known: {}", "前面的步骤没有留下 {}，可用：{}"),
    ("{} stands here twice", "{} 重复"),
    ("{} is the id of an earlier step", "步骤编号 {} 已被前面的步骤使用"),
    ("{} is not a fact; known: {}", "没有条件 {}，可用：{}"),
    ("{} is not a fact with one code", "{} 不是单一代码的条件"),
    ("unknown key; expected one of: {}", "此处没有这个键，可用：{}"),
    ("{} is used before the step that defines it", "{} 在规定它的步骤之前使用"),
    ("{} is the id of {} already", "步骤编号 {} 已被 {} 使用"),
    ("expected one of: {}; got {}", "应为以下之一：{}；现为：{}"),
    ("expected one step of: {}; got {}", "应为以下步骤之一：{}；现为：{}"),
    ("expected a value for {}, which `by` asks for", "缺少 {} 的值：by 中列有此条件"),
    ("expected only facts that `by` asks for", "只能写 by 中列出的条件"),
    (
        "expected class {} once, in prepay_ppm, by_item or own_cost, got it {} times",
        "{} 类须在 prepay_ppm、by_item、own_cost 中恰好出现一次；现为 {} 次",
    ),
    (
        "expected only on the axis covered_fee; else subtract {} in base",
        "只能与 axis: covered_fee 一起使用；其他情形在 base 中减去 {}",
    ),
    ("expected only where rows have cap_fen", "各行写有 cap_fen 时才能使用"),
    (
        "expected only with basis per_bill; amount_fen is of the year",
        "只能与 basis: per_bill 一起使用：amount_fen 按年度计",
    ),
    ("is missing; rows have cap_fen", "缺少此项：各行写有 cap_fen"),
    ("expected classify as the first step, and only there", "classify 须为第一步，且只有一个"),
    ("expected account only as the last step", "account 只能是最后一步"),
    ("expected nothing behind a bracket without upto_fen", "没有 upto_fen 的一段之后不能再有"),
    ("expected at least {} entries", "至少 {} 项"),
    ("expected at most {} entries", "至多 {} 项"),
    ("must begin at {}, where the one before ends", "应从上一段的终点 {} 开始：各段须首尾相接"),
    ("only the last bracket may be open", "只有最后一段可以没有 upto_fen"),
    ("upto_fen must lie above over_fen", "upto_fen 须大于 over_fen"),
    (
        "can hold together with {}; rows must exclude others",
        "与 {} 可同时适用于同一张单据：改动其一的条件",
    ),
    ("can hold together with {}", "与 {} 可同时适用于同一张单据：改动其一的条件"),
    ("must say exactly: {}", "须恰好列出：{}"),
    ("otherwise is the last row of a table with by", "otherwise 只能是有 by 的表的最后一行"),
    ("the first step, and only it, is classify", "第一步须为 classify，且只有一个"),
    ("period needs windows.period.days", "使用 period 须规定 windows.period.days"),
    ("dates must rise", "日期须由早到晚"),
    ("lies below {}", "小于 {}"),
    ("of must be a smaller window than in", "of 的期间须小于 in 的期间"),
    ("is said only with {}", "只能与 {} 一起使用"),
    ("stands not beside {}", "不能与 {} 同时使用"),
    ("classify applies to every bill; use rows", "classify 适用于所有单据，请用 rows 区分"),
    ("the due of a {} must be less {} too", "{} 的应付额须同时扣除 {}"),
    ("{} cannot be limited{}", "{} 不能设限额"),
    ("anchors and aliases are not allowed{}", "不允许锚点（&）和引用（*），请写出内容"),
    ("tags are not allowed{}", "不允许标签（!）"),
    ("expected UTF-8", "文件须为 UTF-8 编码"),
    ('is in UTF-16 ("Unicode"): save it as UTF-8', "文件为 UTF-16（Unicode）编码，请另存为 UTF-8"),
    ("expected a text as key", "键须为文字"),
    ("expected at most {} bytes, got {}", "文件至多 {} 字节，现为 {} 字节"),
    ("expected at most {} values", "至多 {} 个值"),
    ("expected at most {} levels of nesting", "至多嵌套 {} 层"),
    ("expected one YAML document{}", "一个文件只能有一个 YAML 文档"),
    ("a backslash between double quotes{}", "双引号内有反斜杠，请改用单引号"),
    ("a value begins with a sign that YAML reserves{}", "值以 YAML 的保留符号开头，请加引号"),
    ("the file ends within a bracket or quotation marks", "文件结束时括号或引号没有配对"),
    ("a character that cannot be printed", "有不可打印的字符"),
    ("cannot be read; look at {}", "无法读取：请检查缩进、冒号、引号和括号"),
    ("expected either {} or {}", "{} 与 {} 须且只须写一个"),
    ("key {} is repeated; it stands already in line {}", "键 {} 重复，第 {} 行已有"),
    ("a tab stands at its beginning; indent with spaces", "行首是制表符，请改用空格缩进"),
    ("the full-width sign {}; expected {}", "全角符号 {}，应为半角：{}"),
    ("the typographic quotation mark {}; expected a straight one", "中文引号 {}，应为半角引号"),
    ("the space {}; expected a plain space", "特殊空格 {}，应为普通空格"),
    ("the character {}, which cannot be seen", "看不见的字符 {}，请删去"),
    ("a second colon in one line; put the text in quotes", "一行有两个冒号，文字请加引号"),
    ("expected 'key: value', with a colon and a space", "应为“键: 值”，冒号后加空格"),
    ("a quotation mark is not closed", "引号没有配对"),
    ("a bracket {} is not closed, or a comma is missing", "括号 {} 没有配对，或缺少逗号"),
    ("a bracket is not closed, or a comma is missing", "括号没有配对，或缺少逗号"),
    ("the indentation does not fit the lines above", "缩进与上文不一致"),
    ("a value is missing", "缺少值"),
)


def in_both_languages(faults: Iterable[FieldFault]) -> list[FieldFault]:
    """Returns the mistakes of a file with their Chinese, as far as it is known."""
    return [replace(fault, message_zh=mistake_zh(fault.message)) for fault in faults]


def mistake_zh(message: str) -> str:
    """Returns what a mistake is in Chinese, empty where no sentence is known for it."""
    hint_zh = ""
    for hint, zh in _HINTS:
        if message.endswith(hint):
            message, hint_zh = message.removesuffix(hint), zh
    message, _, plain = message.partition("; its digits are full-width: write ")
    if plain:
        hint_zh = f"；数字是全角的，应写作 {plain}"
    told = _translated(message, _SENTENCE_PATTERNS)
    if told:
        return told + hint_zh
    # What was found stands last: what was expected may hold the word itself.
    expected, separator, got = message.rpartition(", got ")
    if not separator or not expected.startswith("expected "):
        return ""
    what = _translated(expected.removeprefix("expected "), _EXPECTED_PATTERNS)
    return f"应为：{what}；现为：{_FOUND.get(got, got)}{hint_zh}"


def _compiled(sentences: Sequence[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    """Returns the sentences as patterns: a file may have thousands of mistakes."""
    return [
        (re.compile(re.escape(sentence).replace(r"\{\}", "(.*)"), re.DOTALL), zh)
        for sentence, zh in sentences
    ]


_EXPECTED_PATTERNS = _compiled(_EXPECTED)
_SENTENCE_PATTERNS = _compiled(_SENTENCES)


def _translated(text: str, patterns: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, zh in patterns:
        found = pattern.fullmatch(text)
        if found:
            said = (_FOUND.get(each, each) for each in found.groups()[: zh.count("{}")])
            return zh.format(*said)
    return ""

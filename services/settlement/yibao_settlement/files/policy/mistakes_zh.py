"""Mistakes of policy and bill files in Chinese, for the clerk who mends them.

A mistake is told in English wherever it is found, also over the wire; what is in it for a
clerk is one of a few dozen sentences, found again here by their words.
"""

import re
from collections.abc import Sequence

# What stands behind a message: how its value is written.
_HINTS = (
    ("; ratios are in millionths: 75 % is 750_000", "；比例以百万分之一计，75% 写作 750_000"),
    ("; money is in fen: 200 yuan is 20_000", "；金额以分计，200 元写作 20_000"),
)

# What a value should be, in English and Chinese; `{}` stands for what varies.
_EXPECTED = (
    ("a whole number from {} to {}", "{} 至 {} 的整数"),
    ("an integer from {} to {}", "{} 至 {} 的整数"),
    ("a day such as 2024-01-31", "日期，如 2024-01-31"),
    ("a day not before start_date", "不早于 start_date 的日期"),
    ("a code in quotes, a list of codes or any", "加半角引号的代码、代码列表或 any"),
    ("a list of {}", "列表（{}）"),
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
    ("{}", "{}"),
)

# Whole messages; `{}` as above. The first that fits holds.
_SENTENCES = (
    ("is missing", "缺少此项"),
    ("is not a key here; known: {}", "此处没有这个键，可用：{}"),
    ("{} is not left by an earlier step; known: {}", "前面的步骤没有留下 {}，可用：{}"),
    ("{} stands here twice", "{} 重复"),
    ("{} is the id of an earlier step", "步骤编号 {} 已被前面的步骤使用"),
    ("{} is not a fact; known: {}", "没有条件 {}，可用：{}"),
    ("{} is not a fact with one code", "{} 不是单一代码的条件"),
    ("must begin at {}, where the one before ends", "应从上一段的终点 {} 开始：各段须首尾相接"),
    ("only the last bracket may be open", "只有最后一段可以没有 upto_fen"),
    ("upto_fen must lie above over_fen", "upto_fen 须大于 over_fen"),
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


def mistake_zh(message: str) -> str:
    """Returns what a mistake is in Chinese, empty where no sentence is known for it."""
    hint_zh = ""
    for hint, zh in _HINTS:
        if message.endswith(hint):
            message, hint_zh = message.removesuffix(hint), zh
    message, _, plain = message.partition("; its digits are full-width: write ")
    if plain:
        hint_zh = f"；数字是全角的，应写作 {plain}"
    told = _translated(message, _SENTENCES)
    if told:
        return told + hint_zh
    # What was found stands last: what was expected may hold the word itself.
    expected, separator, got = message.rpartition(", got ")
    if not separator or not expected.startswith("expected "):
        return ""
    what = _translated(expected.removeprefix("expected "), _EXPECTED)
    return f"应为：{what}；现为：{got}{hint_zh}"


def _translated(text: str, sentences: Sequence[tuple[str, str]]) -> str:
    for sentence, zh in sentences:
        pattern = re.escape(sentence).replace(r"\{\}", "(.*)")
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found:
            return zh.format(*found.groups()[: zh.count("{}")])
    return ""

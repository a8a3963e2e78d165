"""Who writes a file that is no YAML is told the line and what to look for, in plain words."""

import pytest

from yibao_common.files.yaml_file import parse_yaml
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# Words that parsers use and nobody else.
JARGON = ("token", "scalar", "mapping values", "block", "flow", "stream", "scanning", "parsing")


def told(text: str) -> tuple[str, str]:
    with pytest.raises(RuleError) as raised:
        parse_yaml(text.encode(), name="x.yaml", reason=Reason.POLICY_FILE_INVALID)
    (fault,) = raised.value.faults
    return fault.field, fault.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab stands at its beginning; indent with spaces"),
        ("a:\n  b: 1\n \tc: 2\n", 3, "a tab stands at its beginning; indent with spaces"),
        ("a: 1\nb：2\nc: 3\n", 2, "the full-width sign ：; expected : and a space"),
        ("a：1\nb: 3\n", 1, "the full-width sign ：; expected : and a space"),
        ("a: {b: 1，c: 2}\nd: [\n", 1, "the full-width sign ，; expected , and a space"),
        ("a: [1, 2\nb: 3\n", 2, "a bracket [ is not closed, or a comma is missing"),
        ("a: {b: 1\n", 1, "a bracket { is not closed, or a comma is missing"),
        ('a: "1\nb: 2\n', 2, "the file ends within a bracket or quotation marks"),
        ("a: b: c\n", 1, "a second colon in one line; put the text in quotes"),
        ("a: 1\n  b: 2\n", 2, "a second colon in one line; put the text in quotes"),
        ("a: 1\nb\nc: 2\n", 3, "expected 'key: value', with a colon and a space"),
        ("a:\n    b: 1\n  c: 2\n", 3, "the indentation does not fit the lines above"),
        ("- 1\nb: 2\n", 2, "the indentation does not fit the lines above"),
        ("a: @x\n", 1, "a value begins with a sign that YAML reserves; put it in quotes"),
        ('a: "\\q"\n', 1, "a backslash between double quotes; use single quotes"),
        ("a: “1”: 2\n", 1, "the typographic quotation mark “; expected a straight one"),
    ],
)
def test_a_problem_is_told_by_its_line_and_in_plain_words(
    text: str, line: int, message: str
) -> None:
    assert told(text) == (f"x.yaml:{line}", message)


# What breaks YAML, put behind and before every line of a file in turn.
BREAKS = (
    "\t",
    "：",
    "[",
    "]",
    "{",
    "}",
    "- ",
    ": ",
    '"',
    "'",
    "@",
    "`",
    "%",
    "&",
    "*",
    "!",
    "|",
    ">",
    "? ",
)
FILE = 'a: 1\nb:\n  - c: [1, 2]\n    d: {e: x}\nf: "g"\n'


def test_no_words_of_a_parser_reach_the_author() -> None:
    lines, tried = FILE.splitlines(), 0
    for number in range(len(lines)):
        for sign in BREAKS:
            for changed in (f"{sign}{lines[number]}", f"{lines[number]}{sign}", sign):
                text = "\n".join([*lines[:number], changed, *lines[number + 1 :]])
                try:
                    parse_yaml(text.encode(), name="x", reason=Reason.POLICY_FILE_INVALID)
                except RuleError as refusal:
                    tried += 1
                    (fault,) = refusal.faults
                    assert not any(word in fault.message for word in JARGON), fault
    assert tried > 50

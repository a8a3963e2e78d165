"""What is wrong with a text that is no YAML, for the people who write it.

Parsers speak of tokens and scalars; whoever writes a policy is told what to look for in
which line. Nothing of a parser's own text is passed on.
"""

import re
import unicodedata

_ANYTHING = "cannot be read; look at indentation, colons, quotation marks and brackets"
# Words in a parser's problem, and what they come down to; the first that fits holds.
_SENTENCES = (
    ("mapping values are not allowed", "a second colon in one line; put the text in quotes"),
    ("could not find expected ':'", "expected 'key: value', with a colon and a space"),
    ("quoted scalar", "a quotation mark is not closed"),
    ("escape", "a backslash between double quotes; use single quotes"),
    ("cannot start any token", "a value begins with a sign that YAML reserves; put it in quotes"),
    ("',' or ']'", "a bracket [ is not closed, or a comma is missing"),
    ("',' or '}'", "a bracket { is not closed, or a comma is missing"),
    ("flow", "a bracket is not closed, or a comma is missing"),
    ("unexpected end of stream", "the file ends within a bracket or quotation marks"),
    ("document", "expected one YAML document, and no line that begins with --- or ..."),
    ("expected key", "the indentation does not fit the lines above"),
    ("expected '-'", "the indentation does not fit the lines above"),
    ("block", "the indentation does not fit the lines above"),
    ("node content", "a value is missing"),
    ("control characters", "a character that cannot be printed"),
    ("not allowed", "a character that cannot be printed"),
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")


def yaml_problem(text: str, line: int, problem: str) -> tuple[int, str]:
    """Returns the line and what is wrong with it.

    `line` (from 1) and `problem` are what the parser says; what it stumbles over may have
    begun in the line before.
    """
    lines = text.splitlines()
    for number in (line, line - 1):
        if 1 <= number <= len(lines):
            told = _of_line(lines[number - 1])
            if told:
                return number, told
    fitting = (sentence for words, sentence in _SENTENCES if words in problem)
    return line, next(fitting, _ANYTHING)


def _of_line(line: str) -> str:
    """Returns what is seen in a line without knowing YAML, empty without anything."""
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation:
        return "a tab stands at its beginning; indent with spaces"
    for sign in _QUOTED.sub("", line):
        plain = unicodedata.normalize("NFKC", sign)
        if plain != sign and plain in ":,{}[]-#\"'":
            return f"the full-width sign {sign}; expected {plain}" + (
                " and a space" if plain in ":,-" else ""
            )
        if sign in "“”‘’":
            return f"the typographic quotation mark {sign}; expected a straight one"
        if unicodedata.category(sign) in ("Cc", "Cf") and sign != "\t":
            return f"the character U+{ord(sign):04X}, which cannot be seen"
        if sign != " " and unicodedata.category(sign) == "Zs":
            return f"the space U+{ord(sign):04X}; expected a plain space"
    return ""

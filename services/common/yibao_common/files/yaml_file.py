"""YAML files that people write: parsed strictly, with every mistake named by its line.

Only plain data is accepted: one document of mappings, lists, texts, whole numbers,
true, false and null. Tags, anchors and aliases are refused, so a file can neither make
objects nor grow when read. What looks like a date or a fraction stays text; a field's
type says how it is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from yibao_common.files.yaml_problems import yaml_problem
from yibao_common.process.text_file import unmarked
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_VALUES = 100_000

Path = tuple[str | int, ...]

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17}|[1-9][0-9]{0,2}(_[0-9]{3}){1,5})")
_WORDS: Mapping[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}
# libyaml's parser is many times faster; the events of both are the same.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed file: plain data, the line of each value, and mistakes found so far."""

    name: str
    reason: Reason
    data: object
    lines: Mapping[Path, int]
    faults: tuple[FieldFault, ...]

    def fault(self, path: Path, message: str) -> FieldFault:
        """Returns a mistake at `path`, or at the nearest place above it that exists."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        place = f"{self.name}:{self.lines.get(known, 1)}"
        key = path_text(path)
        return FieldFault(f"{place} {key}" if key else place, self.reason, message)


def path_text(path: Path) -> str:
    """Returns a path as people write it: `steps[2].tiers.rows[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:80]}"
    return text.removeprefix(".")


def parse_yaml(
    contents: bytes, *, name: str, reason: Reason, most_bytes: int = MAX_BYTES
) -> YamlFile:
    """Parses a file; repeated keys are left as `faults` for the caller to report.

    Raises:
        RuleError: with `reason`, where the file is too large, is not YAML or has what
            is refused here.
    """
    builder = _Builder(name, reason)
    if len(contents) > most_bytes:
        raise builder.refusal(1, f"expected at most {most_bytes} bytes, got {len(contents)}")
    try:
        contents = unmarked(contents)
    except ValueError as error:
        raise builder.refusal(1, str(error)) from None
    try:
        text = contents.decode("utf-8")
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        raise builder.refusal(line, "expected UTF-8") from None
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "control characters"
        # A parser that misses something at the end points behind the last line.
        line = 1 if mark is None else min(mark.line, text.rstrip().count("\n")) + 1
        raise builder.refusal(*yaml_problem(text, line, problem)) from None
    return YamlFile(name, reason, builder.root, builder.lines, tuple(builder.faults))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been read yet."""

    path: Path
    value: dict[str, object] | list[object]
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Builds the data from parser events, without recursion."""

    name: str
    reason: Reason
    root: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[FieldFault] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    documents: int = 0

    def refusal(self, line: int, message: str) -> RuleError:
        """Makes the error that ends the parsing."""
        fault = FieldFault(f"{self.name}:{line}", self.reason, message)
        return RuleError(self.reason, f"{fault.field}: {message}", faults=[fault])

    def take(self, event: yaml.Event) -> None:
        """Takes the next event of the parser."""
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.refusal(line, "expected one YAML document, got a second one")
        elif isinstance(event, yaml.AliasEvent):
            raise self.refusal(line, "anchors and aliases are not allowed; write the value out")
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._take_node(event, line)

    def _take_node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        if event.anchor is not None:
            raise self.refusal(line, "anchors and aliases are not allowed; write the value out")
        if event.tag is not None:
            raise self.refusal(line, f"tags are not allowed, got {event.tag[:40]}")
        if len(self.lines) >= MAX_VALUES:
            raise self.refusal(line, f"expected at most {MAX_VALUES} values")
        parent = self.stack[-1] if self.stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._take_key(parent, event, line)
            return
        if isinstance(event, yaml.ScalarEvent):
            self._place(parent, _scalar(event), line)
            return
        if len(self.stack) >= MAX_DEPTH:
            raise self.refusal(line, f"expected at most {MAX_DEPTH} levels of nesting")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        value: dict[str, object] | list[object] = {} if is_mapping else []
        path = self._place(parent, value, line)
        self.stack.append(_Open(path, value))

    def _take_key(self, parent: _Open, event: yaml.NodeEvent, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise self.refusal(line, "expected a text as key")
        assert isinstance(parent.value, dict)
        parent.key = event.value
        path = (*parent.path, event.value)
        if event.value in parent.value:
            first = self.lines[path]
            message = f"key {event.value[:80]} is repeated; it stands already in line {first}"
            place = f"{self.name}:{line} {path_text(path)}"
            self.faults.append(FieldFault(place, self.reason, message))
        else:
            self.lines[path] = line

    def _place(self, parent: _Open | None, value: object, line: int) -> Path:
        """Puts a value where it belongs and returns its path."""
        if parent is None:
            self.root = value
            self.lines[()] = line
            return ()
        if isinstance(parent.value, list):
            path: Path = (*parent.path, len(parent.value))
            self.lines[path] = line
            parent.value.append(value)
            return path
        assert parent.key is not None
        path = (*parent.path, parent.key)
        # Of a repeated key the first value stands; the fault keeps the file from use.
        parent.value.setdefault(parent.key, value)
        parent.key = None
        return path


def _scalar(event: yaml.ScalarEvent) -> object:
    """Returns the value of a scalar; one in quotes is always text."""
    text: str = event.value
    # Plain style is None or empty, by the parser that is in use.
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def keys_of(data: object, key: str) -> Iterator[str]:
    """Yields the keys of the mapping at `key` of a mapping, as far as there are any."""
    if isinstance(data, dict) and isinstance(data.get(key), dict):
        yield from data[key]

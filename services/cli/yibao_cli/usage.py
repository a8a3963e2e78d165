"""What was typed wrongly, told in plain lines or as a document."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from yibao_cli import output

_OF_A_CONTEXT = frozenset({"region", "address", "ca", "cert", "key"})


def tell_mistake(error: Any, faults: Sequence[Any], typed: Mapping[str, Any]) -> None:
    """Tells on stderr what is wrong with a command line, a line for each fault.

    `typed` is what stands there, by the name of the parameter.
    """
    if output.is_json():
        output.write_document(sys.stderr, _document(error, faults, typed))
        return
    for line in _lines(error, faults, typed):
        typer.echo(line, err=True)


def _lines(error: Any, faults: Sequence[Any], typed: Mapping[str, Any]) -> Iterator[str]:
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "yibao"
    missing = [each for each in faults if is_missing(each)]
    if missing:
        names = [name_of(each.param) for each in missing]
        told = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        yield f"{path}: {told} {'is' if len(names) == 1 else 'are'} missing"
        width = max(map(len, names))
        for name, fault in zip(names, missing, strict=True):
            yield f"  {name:{width}}  {meaning_of(fault.param)}".rstrip()
        if any(each.param.name in _OF_A_CONTEXT for each in missing):
            yield "A context has them together: yibao context -h"
    for fault in faults:
        if not is_missing(fault):
            yield f"{path}: {_wrong(fault, typed)}"
    if not faults:
        yield f"{path}: {error.format_message()}"
        commands = getattr(ctx.command, "commands", None) if ctx is not None else None
        if commands:
            yield f"There are: {', '.join(commands)}"
    yield f"See {path} -h"


def _wrong(fault: Any, typed: Mapping[str, Any]) -> str:
    if fault.param is None:
        return str(fault.message)
    possible = _possible(fault.param)
    message = f"expected one of {possible}" if possible else fault.message
    value = typed.get(fault.param.name)
    given = f" {value}" if isinstance(value, str) else ""
    return f"{name_of(fault.param)}{given}: {message}"


def _document(error: Any, faults: Sequence[Any], typed: Mapping[str, Any]) -> dict[str, object]:
    lines = list(_lines(error, faults, typed))
    fields = [
        {
            "field": name_of(each.param) if each.param is not None else "",
            "reason": "MISSING" if is_missing(each) else "WRONG",
            "message": meaning_of(each.param) if is_missing(each) else _wrong(each, typed),
            "message_zh": "",
        }
        for each in faults
    ]
    return output.error_document(output.USAGE, lines[0], exit_code=error.exit_code, fields=fields)


def is_missing(fault: Any) -> bool:
    """Tells whether something is missing, rather than wrong."""
    return hasattr(fault, "param_type")


def name_of(parameter: Any) -> str:
    """Returns how a parameter is written: `--address`, or `METHOD` of an argument."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())


def meaning_of(parameter: Any) -> str:
    """Returns the help of a parameter, with what it may be and the variable that may hold it."""
    said = [(parameter.help or "").strip()]
    if possible := _possible(parameter):
        said.append(f"One of {possible}.")
    if parameter.envvar:
        said.append(f"[${parameter.envvar}]")
    return " ".join(each for each in said if each)


def _possible(parameter: Any) -> str:
    choices = parameter.type_descriptor.choices or ()
    return ", ".join(str(getattr(each, "value", each)) for each in choices if each != "")

"""`yibao call`: any method by its name, with JSON in and out."""

import difflib
import importlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from rich.console import Console

import yibao
from yibao.errors import Refusal, error_of
from yibao_cli.connection import ADDRESS_VARIABLES, Connection
from yibao_cli.console import refusal_document
from yibao_cli.inputs import read_stdin
from yibao_cli.output import is_json, print_document, tell_unusable, write_document
from yibao_common.process.config import StartError

REFUSED = 1
UNUSABLE = 2
SERVICES = tuple(ADDRESS_VARIABLES)
_HINT = "yibao call --list tells of all. There are"


class CallError(Exception):
    """A call cannot be made; the text says why."""


def run_call(
    out: Console, err: Console, method_name: str, text: str, *, at: Connection, seconds: float
) -> int:
    """Calls and prints the answer; returns 1 where it was refused, 2 where it was not made.

    The region of the connection stands in a request that has one and does not say it.
    """
    try:
        method = find_method(method_name)
        request = read_request(method, _read_stdin() if text == "-" else text)
        made = fill_request_id(request)
        fill_region(request, at.region)
        channel = at.open()
    except (CallError, StartError) as error:
        tell_unusable(str(error))
        return UNUSABLE
    if made and not is_json():
        err.print(f"request_id {made}", style="dim", markup=False)
    with channel:
        try:
            answers = _answers(channel, method, request, seconds)
            if is_json() and method.server_streaming:
                print_document(out, {"answers": [to_values(each) for each in answers]})
                return 0
            for answer in answers:
                print_answer(out, answer)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error), request_id=made)
            return REFUSED
    return 0


def _answers(
    channel: grpc.Channel, method: MethodDescriptor, request: Message, seconds: float
) -> Iterator[Message]:
    """Yields the answer of a method, or each of one that answers more than once."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    codec: dict[str, Any] = {
        "request_serializer": GetMessageClass(method.input_type).SerializeToString,
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    if method.server_streaming:
        yield from channel.unary_stream(path, **codec)(request, timeout=seconds)
    else:
        yield channel.unary_unary(path, **codec)(request, timeout=seconds)


def methods() -> dict[str, MethodDescriptor]:
    """Returns every method of the contract by its full name, `package.Service/Method`."""
    return {
        f"{service.full_name}/{method.name}": method
        for file in _service_files()
        for service in file.services_by_name.values()
        for method in service.methods
    }


def find_method(name: str) -> MethodDescriptor:
    """Returns the method whose full name is or ends with `name`.

    Raises:
        CallError: there is none, or several.
    """
    known = methods()
    wanted = name.strip("/")
    found = [each for each in known if f"/{each.replace('.', '/')}".endswith(_tail(wanted))]
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise CallError(f"{name} is one of several: {', '.join(sorted(found))}")
    raise CallError("\n  ".join((f"there is no method {name}; {_HINT}", *_likely(wanted, known))))


def _likely(wanted: str, known: Iterable[str]) -> list[str]:
    """Returns the methods that somebody may have meant, all where none is like it."""
    by_end = {each.rpartition("/")[2].lower(): each for each in known}
    end = re.split("[./]", wanted)[-1].lower()
    near = difflib.get_close_matches(end, by_end, n=5)
    return [by_end[each] for each in near] or sorted(known)


def read_request(method: MethodDescriptor, text: str) -> Message:
    """Returns the request that `text`, JSON, holds.

    Raises:
        CallError: it is no JSON or does not fit the method.
    """
    request = GetMessageClass(method.input_type)()
    try:
        values = json.loads(text, object_pairs_hook=_each_key_once)
        if not isinstance(values, dict):
            # The parser would take an empty list for an empty request.
            raise json_format.ParseError("the request must be a JSON object")
        json_format.ParseDict(values, request)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        fields = ", ".join(field.name for field in method.input_type.fields)
        what = "the request is no JSON: " if isinstance(error, json.JSONDecodeError) else ""
        raise CallError(f"{what}{error}\n{method.input_type.name} has: {fields}") from None
    return request


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        # Which one was meant, nobody knows; the reader would take the last.
        key = next(key for place, (key, _) in enumerate(pairs) if key in dict(pairs[:place]))
        raise json_format.ParseError(f"the key {key} stands twice")
    return values


def _read_stdin() -> str:
    try:
        return read_stdin().decode()
    except UnicodeDecodeError:
        raise CallError("stdin is not in UTF-8") from None


def fill_request_id(request: Message) -> str:
    """Returns the request id that it gave a changing request, empty where none was lacking."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name:
        return ""
    # The check above is more than the type knows.
    if request.request_id:  # type: ignore[attr-defined]
        return ""
    made = str(uuid.uuid4())
    request.request_id = made  # type: ignore[attr-defined]
    return made


def fill_region(request: Message, region: str) -> None:
    """Has a request that lacks its region name this one; empty leaves it as it is."""
    field = request.DESCRIPTOR.fields_by_name.get("region")
    is_text = field is not None and field.type == field.TYPE_STRING and not field.is_repeated
    if region and is_text and not getattr(request, "region"):  # noqa: B009 (of some requests)
        setattr(request, "region", region)  # noqa: B010


def services_of(method: MethodDescriptor) -> tuple[str, ...]:
    """Returns which services answer a method: identity, settlement, offsite, or all three."""
    package: str = method.containing_service.file.package
    named = package.split(".")[1]
    return (named,) if named in SERVICES else SERVICES


def to_values(answer: Message) -> dict[str, Any]:
    """Returns an answer as plain values with the names of the contract."""
    return json_format.MessageToDict(answer, preserving_proto_field_name=True)


def to_json(answer: Message) -> str:
    """Returns an answer as JSON with the names of the contract and Chinese as it is."""
    return json.dumps(to_values(answer), ensure_ascii=False, indent=2)


def print_answer(out: Console, answer: Message) -> None:
    """Prints an answer as JSON."""
    if is_json():
        print_document(out, to_values(answer))
    else:
        out.print(to_json(answer), markup=False, soft_wrap=True)


def show_refusal(
    err: Console, refusal: Refusal, *, request_id: str = "", exit_code: int = REFUSED
) -> None:
    """Prints why a call failed: for the engineer, for the counter, field by field.

    `exit_code` is what the command then ends with.
    """
    if is_json():
        made = {"request_id": request_id} if request_id else {}
        write_document(err.file, {**refusal_document(refusal, exit_code=exit_code), **made})
        return
    lines = [f"{refusal.reason or refusal.code.name}: {refusal.message}"]
    if refusal.message_zh:
        lines.append(refusal.message_zh)
    for fault in refusal.field_faults:
        lines.append(f"  {fault.field}: {fault.message} {fault.message_zh} ({fault.reason})")
    for key, value in refusal.metadata.items():
        lines.append(f"  {key} = {value}")
    err.print("\n".join(lines), style="red", markup=False, soft_wrap=True)


def _tail(name: str) -> str:
    return f"/{name.replace('.', '/')}"


def _service_files() -> list[FileDescriptor]:
    # The packages of the stubs have no __init__.py, so only their files can be listed.
    (root,) = map(Path, yibao.__path__)
    found = sorted(root.glob("*/v*/*_service_pb2.py"))
    names = (".".join(path.relative_to(root.parent).with_suffix("").parts) for path in found)
    return [importlib.import_module(name).DESCRIPTOR for name in names]

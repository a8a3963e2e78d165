"""What `yibao call` tells of methods: all of them, one of them, an example of its request."""

import importlib
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from yibao.common.v1 import validation_pb2
from yibao_cli.call import CallError, find_method, methods, services_of
from yibao_cli.console import out
from yibao_cli.contract_text import callers_of, comment_of, field_comments, summary_of
from yibao_cli.example_request import example_of
from yibao_cli.output import UnusableError, is_json, print_document
from yibao_common.values.caller import EVERY_ROLE

_WIDEST = 100
# The least of a sentence that is worth a row.
_LEAST = 24


def contract_packages() -> list[str]:
    """Returns the packages of the services, whose names end with their major version."""
    return sorted(
        {
            method.containing_service.file.package
            for method in methods().values()
            if len(services_of(method)) == 1
        }
    )


def short_names() -> Iterator[tuple[str, str]]:
    """Yields each method by the shortest name that is its own, with what it does."""
    known = methods()
    ends = Counter(method.name for method in known.values())
    for method in known.values():
        is_own = ends[method.name] == 1
        service = method.containing_service.name
        yield method.name if is_own else f"{service}/{method.name}", summary_of(method)


def roles_of(method: MethodDescriptor) -> list[str]:
    """Returns the roles that may call a method, as the access table of a service has them."""
    service = services_of(method)[0]
    table = importlib.import_module(f"yibao_{service}.access").ACCESS
    roles = table.roles(f"/{method.containing_service.full_name}/{method.name}")
    return ["everyone"] if roles == EVERY_ROLE else sorted(role.value for role in roles)


def show_list() -> None:
    """Prints all methods by service: what each does and who may call it."""
    if is_json():
        print_document(out, {"methods": [_entry(each) for each in methods().values()]})
        return
    service = ""
    names = [method.name for method in methods().values()]
    width = max(map(len, names))
    for method in methods().values():
        if method.containing_service.full_name != service:
            if service:
                out.print()
            service = method.containing_service.full_name
            out.print(service, markup=False, style="bold", soft_wrap=True)
        told, roles = summary_of(method), f" [{', '.join(roles_of(method))}]"
        # A row of a terminal holds what it can; a pipe gets all.
        if out.is_terminal:
            room = out.width - width - 4
            if room - len(roles) < _LEAST:
                roles = f"\n{'':{width + 3}}{roles}"
            else:
                room -= len(roles)
            told = textwrap.shorten(told, max(room, _LEAST), placeholder=" ...")
        out.print(f"  {method.name:{width}}  {told}{roles}", markup=False, soft_wrap=True)


def _entry(method: MethodDescriptor) -> dict[str, object]:
    return {
        "method": f"{method.containing_service.full_name}/{method.name}",
        "services": list(services_of(method)),
        "summary": summary_of(method),
        "roles": roles_of(method),
        "request": method.input_type.full_name,
        "answer": method.output_type.full_name,
        "answers_more_than_once": bool(method.server_streaming),
        "is_changing": "request_id" in method.input_type.fields_by_name,
    }


def show_page(name: str, *, region: str) -> None:
    """Prints what a method does, who may call it, what its request holds, and an example.

    Raises:
        UnusableError: there is no such method, or several.
    """
    method = _find(name)
    example = example_of(method.input_type, region=region)
    if is_json():
        comment = {"comment": comment_of(method), "callers": callers_of(method)}
        fields = [_field_entry(each, text) for each, text in _fields(method.input_type)]
        print_document(out, {**_entry(method), **comment, "fields": fields, "example": example})
        return
    full_name = f"{method.containing_service.full_name}/{method.name}"
    lines = [full_name, ""]
    for part in re.split(r"(?:^|\s)(?=(?:Callers|Reasons): )", comment_of(method)):
        lines += [*textwrap.wrap(part, _page_width()), ""]
    lines += [f"Roles: {', '.join(roles_of(method))}", "", f"{method.input_type.name}:"]
    for field, text in _fields(method.input_type):
        said = " ".join((*_said(field), text))
        lines += textwrap.wrap(
            f"  {field.name} <{_type_of(field)}>  {said}",
            _page_width(),
            subsequent_indent="      ",
        )
    text = json.dumps(example, ensure_ascii=False, indent=2)
    lines += ["", "An example, to fill in:", text]
    lines += ["", f"Call it: yibao call {_short(method)} '...', or - with the request on stdin"]
    out.print("\n".join(lines), markup=False, soft_wrap=True)


def show_example(name: str, *, region: str) -> None:
    """Prints an example of the request of a method.

    Raises:
        UnusableError: there is no such method, or several.
    """
    print_document(out, example_of(_find(name).input_type, region=region))


def _page_width() -> int:
    return max(min(out.width, _WIDEST), _LEAST)


def _find(name: str) -> MethodDescriptor:
    try:
        return find_method(name)
    except CallError as error:
        raise UnusableError(str(error)) from None


def _short(method: MethodDescriptor) -> str:
    full_name = f"{method.containing_service.full_name}/{method.name}"
    names = dict(zip(methods(), (short for short, _ in short_names()), strict=True))
    return names[full_name]


def _fields(message: Descriptor) -> Iterator[tuple[FieldDescriptor, str]]:
    comments = field_comments(message)
    for field in message.fields:
        yield field, comments[field.name]


def _said(field: FieldDescriptor) -> Iterator[str]:
    rules = field.GetOptions().Extensions[validation_pb2.field]
    if field.name == "request_id":
        yield "Made for you where it is absent."
    elif rules.required:
        yield "Required."
    if rules.output_only:
        yield "Set by the service."


def _field_entry(field: FieldDescriptor, text: str) -> dict[str, object]:
    rules = field.GetOptions().Extensions[validation_pb2.field]
    return {
        "name": field.name,
        "type": _type_of(field),
        "required": bool(rules.required),
        "comment": text,
    }


def _type_of(field: FieldDescriptor) -> str:
    kind = field.message_type or field.enum_type
    name = kind.name if kind is not None else _SCALARS[field.type]
    return f"list of {name}" if field.is_repeated else name


_SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes, base64",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_DOUBLE: "double",
}

"""Fields of messages as rows of a table: type, presence, rules, meaning."""

import re
from collections.abc import Sequence

from google.protobuf import descriptor_pb2 as d

from docs.generate_reference.contract import Contract
from yibao.common.v1 import validation_pb2

_LIMITS = (("minimum", "maximum"), ("min_length", "max_length"), ("min_items", "max_items"))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def page_of(name: str) -> str:
    """Names the page of a service, or that of the messages of a package."""
    if name.endswith("Service"):
        return re.sub("(?<=[a-z])(?=[A-Z])", "-", name.rpartition(".")[2]).lower() + ".md"
    return f"{name.split('.')[1]}-messages.md"


def method_link(method: str) -> str:
    """Returns where a method is described."""
    service, _, short = method.rpartition(".")
    return f"{page_of(service)}#{short.lower()}"


def fields_of(contract: Contract, name: str) -> str:
    """Returns the fields of a message, with their rules where callers write it."""
    fields = contract.messages[name].field
    heads = ["Field", "Type", "Presence", "Rules", "Meaning"]
    rows = [
        [
            f"`{field.name}`",
            _type_of(contract, field),
            _presence_in_request(field) if name in contract.inputs else _presence_in_answer(field),
            _rules_of(field),
            contract.line(f"{name}.{field.name}"),
        ]
        for field in fields
    ]
    # A column with nothing in it is left out: most answers have neither of the two.
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    shown = [[row[i] for i in kept] for row in rows]
    return table([heads[i] for i in kept], shown) if rows else "No fields.\n"


def _type_of(contract: Contract, field: d.FieldDescriptorProto) -> str:
    name = field.type_name.removeprefix(".")
    short = name.rpartition(".")[2]
    if name in contract.exchanged:
        text = f"[{short}]({method_link(contract.exchanged[name])})"
    elif name in contract.messages or name in contract.enums:
        text = f"[{short}]({page_of(name)}#{short.lower()})"
    elif name.startswith("yibao."):
        # The one kind of message inside another that the contract has.
        return "map of string to string"
    else:
        text = short or d.FieldDescriptorProto.Type.Name(field.type)[5:].lower()
    return f"list of {text}" if field.label == field.LABEL_REPEATED else text


def _is_one_of(field: d.FieldDescriptorProto) -> bool:
    return field.HasField("oneof_index") and not field.proto3_optional


def _presence_in_answer(field: d.FieldDescriptorProto) -> str:
    if _is_one_of(field):
        return "one of these"
    return "may be absent" if field.proto3_optional else ""


def _presence_in_request(field: d.FieldDescriptorProto) -> str:
    """Tells whether a caller must set a field, or what its absence means."""
    rules = field.options.Extensions[validation_pb2.field]
    if rules.required:
        return "required, even 0" if field.proto3_optional else "required"
    if field.label == field.LABEL_REPEATED:
        return "required" if rules.min_items else "may be empty"
    if _is_one_of(field):
        return "one of these"
    if field.proto3_optional or field.type == field.TYPE_MESSAGE:
        return "may be absent"
    empty = {field.TYPE_BOOL: "absent: false", field.TYPE_STRING: "may be empty"}
    return empty.get(field.type, "absent: 0")


def _rules_of(field: d.FieldDescriptorProto) -> str:
    rules = field.options.Extensions[validation_pb2.field]
    limits = {limit.name: f"{value:,}" for limit, value in rules.ListFields()}
    found = []
    if rules.format:
        name = validation_pb2.Format.Name(rules.format).removeprefix("FORMAT_")
        found.append(f"[{name}](common-messages.md#format)")
    length = " bytes" if field.type == field.TYPE_BYTES else " characters"
    for (low, high), unit in zip(_LIMITS, ("", length, " items"), strict=True):
        least, most = limits.get(low), limits.get(high)
        if least and most:
            found.append(f"{least if least == most else f'{least} to {most}'}{unit}")
        elif least or most:
            found.append(f"at least {least}{unit}" if least else f"at most {most}{unit}")
    if rules.output_only:
        found.append("set by the service")
    return ", ".join(found)

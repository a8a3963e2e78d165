"""The pages of the reference, each a function of the contract."""

import importlib
import importlib.util
import re

from google.protobuf import descriptor_pb2 as d

from docs.generate_reference.contract import Contract, take_sentence
from docs.generate_reference.examples import example_text
from docs.generate_reference.fields import fields_of, method_link, page_of, table
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.calls import READS
from yibao_common.values.caller import Role
from yibao_common.values.reasons import Reason

_NOTICE = "<!-- Written by `python -m docs.generate_reference` from protos/. Do not edit. -->\n\n"
_ERRORS = "yibao.common.v1.ErrorReason"
# Reasons are numbered in groups of twenty.
# Groups by the first number of each.
_REASON_GROUPS = {
    0: "Any call",
    20: "Fields of a request",
    40: "Persons and e-certificates",
    60: "QR codes",
    80: "Visits",
    100: "Bills, settlements and accounts",
    120: "Policies",
    140: "Registrations",
    160: "Cards, passwords, misuse",
    200: "Phones",
    300: "Lines of bills",
    320: "Reviews",
    340: "Differences",
    360: "Holds",
    380: "Closed periods",
    400: "Repricings and closed years",
    420: "Codes that are resolved",
    430: "Declared months",
    450: "Credits of accounts",
    459: "Allocations and transfers of accounts",
    465: "Records of accounts",
    480: "Closed accounts",
    490: "Versions of lists",
    510: "Own codes, institutions and suspensions",
    530: "Sandboxes",
    540: "Care elsewhere",
    630: "Medical-history files, evaluations and tickets",
}
_END_OF_GROUPS = 660
_EXAMPLES = (
    "Examples are protobuf's JSON: `yibao call` and `buf curl` take them as they are, and "
    "64-bit integers are texts in it.\n"
)
_ANY_CALL = (
    "Every call may also be refused for the reasons of [any call](errors.md#any-call) and of "
    "[its fields](errors.md#fields-of-a-request).\n"
)
# More reasons than this are listed by gRPC code instead of in their sentence.
_MOST_IN_SENTENCE = 4


def all_pages(contract: Contract) -> dict[str, str]:
    """Returns all pages by file name."""
    packages = sorted({name.rpartition(".")[0] for name in contract.messages})
    pages = {page_of(name): _service_page(contract, name) for name in contract.services}
    pages |= {page_of(each): _messages_page(contract, each) for each in packages}
    pages |= {"errors.md": _errors_page(contract), "access.md": _access_page(contract)}
    pages["README.md"] = _index_page(contract, packages)
    return {name: _NOTICE + text for name, text in pages.items()}


def _service_page(contract: Contract, name: str) -> str:
    title = f"# {name.rpartition('.')[2]}\n"
    parts = [title, f"{contract.text(name)} `{name}`\n", _ANY_CALL, _EXAMPLES]
    for method_name, method in contract.methods_of(name).items():
        parts.append(_method_text(contract, method_name, method))
    return "\n".join(parts)


def _method_text(contract: Contract, name: str, method: d.MethodDescriptorProto) -> str:
    callers, text = take_sentence(contract.line(name), "Callers: ")
    reasons, text = take_sentence(text, "Reasons: ")
    repeat, text = take_sentence(text, "(?=Idempotent|Not idempotent)")
    assert repeat or method.name.startswith(READS), f"{name}: is it idempotent?"
    facts = [
        f"- **Callers**: {callers}",
        f"- **Repeating**: {repeat or 'Changes nothing; repeat it as you like.'}",
    ]
    if reasons:
        facts.append(f"- **Reasons**:{_link_reasons(reasons)}")
    parts = [f"## {method.name}\n\n{text}\n\n" + "\n".join(facts) + "\n"]
    for title, type_name in (("Request", method.input_type), ("Response", method.output_type)):
        parts.append(f"**{title}** `{type_name.rpartition('.')[2]}`\n")
        parts.append(fields_of(contract, type_name[1:]))
        if title == "Request":
            parts.append(example_text(name.rpartition(".")[0], method.name))
    return "\n".join(parts)


def _link_reasons(sentence: str) -> str:
    """Links reasons and RPCs; a long list of reasons is set out by gRPC code."""

    def named(found: re.Match[str]) -> list[Reason]:
        name, is_open = found[1], bool(found[2])
        return [r for r in Reason if r.name == name or (is_open and r.name.startswith(name))]

    def links(reasons: list[Reason]) -> str:
        return ", ".join(f"[{reason.name}](errors.md#{reason.name})" for reason in reasons)

    form = re.compile(r"(?:the )?\b([A-Z]+_[A-Z_]*)(?:(\*) reasons)?")
    reasons = [reason for found in form.finditer(sentence) for reason in named(found)]
    if len(reasons) > _MOST_IN_SENTENCE:
        codes = sorted({reason.code for reason in reasons}, key=lambda code: code.value)
        lists = ((code, [reason for reason in reasons if reason.code is code]) for code in codes)
        return "".join(f"\n  - `{code.name}`: {links(group)}" for code, group in lists)
    text = form.sub(lambda found: links(named(found)), sentence)
    return " " + re.sub(
        r"\bas ([A-Z]\w+)", lambda name: f"as [{name[1]}](#{name[1].lower()})", text
    )


def _messages_page(contract: Contract, package: str) -> str:
    parts = [f"# Messages of `{package}`\n"]
    # Rules are shown with the fields that have them.
    unlisted = {*contract.exchanged, _ERRORS, "yibao.common.v1.FieldRules"}
    for name in sorted({*contract.messages, *contract.enums} - unlisted):
        if name.rpartition(".")[0] != package:
            continue
        parts.append(f"## {name.rpartition('.')[2]}\n\n{contract.text(name)}\n")
        if name in contract.messages:
            parts.append(fields_of(contract, name))
            continue
        rows = [
            [str(value.number), f"`{value.name}`", contract.line(f"{name}.{value.name}")]
            for value in contract.enums[name].value
        ]
        parts.append(table(["Number", "Value", "Meaning"], rows))
    return "\n".join(parts)


def _errors_page(contract: Contract) -> str:
    advice = "[Errors and retries](../coding/errors-and-retries.md) tells what to do about each."
    parts = ["# Reasons of refusal\n", f"{contract.text(_ERRORS)} {advice}\n"]
    assert max(reason.value for reason in Reason) < _END_OF_GROUPS, "name the new group"
    ends = [*list(_REASON_GROUPS)[1:], _END_OF_GROUPS]
    for (first, title), end in zip(_REASON_GROUPS.items(), ends, strict=True):
        rows = []
        for reason in Reason:
            if not first <= reason.value < end:
                continue
            _, meaning = take_sentence(contract.line(f"{_ERRORS}.{reason.wire_name}"), "[A-Z_]+")
            name = f'<a id="{reason.name}"></a>`{reason.wire_name}`'
            row = [str(reason.value), name, f"`{reason.code.name}`", meaning, reason.message_zh]
            rows.append(row)
        parts.append(f"## {title}\n")
        parts.append(table(["Number", "Reason", "gRPC code", "Meaning", "中文"], rows))
    return "\n".join(parts)


def _access_page(contract: Contract) -> str:
    parts = [
        "# Who may call what\n",
        "The role is the first part of the path in the caller's client certificate "
        "([certificates](../operating/certificates.md)). Within its role a caller is bound to "
        "its own institution, region or e-certificate, as the last column says.\n",
    ]
    heads = ["RPC", *(role.value for role in Role), "Scope"]
    for service in ("identity", "settlement", "offsite"):
        if importlib.util.find_spec(f"yibao_{service}.access") is None:
            continue
        access: AccessTable = importlib.import_module(f"yibao_{service}.access").ACCESS
        rows = []
        for name in contract.methods:
            # What is common is served by all of them.
            if name.split(".")[1] not in (service, "common"):
                continue
            owner, _, method = name.rpartition(".")
            allowed = access.roles(f"/{owner}/{method}")
            callers, _ = take_sentence(contract.line(name), "Callers: ")
            link = f"[{owner.rpartition('.')[2]}.{method}]({method_link(name)})"
            rows.append([link, *("yes" if role in allowed else "" for role in Role), callers])
        parts.append(f"## {service}\n")
        parts.append(table(heads, rows))
    return "\n".join(parts)


def _index_page(contract: Contract, packages: list[str]) -> str:
    links = ["[Reasons of refusal](errors.md)", "[Who may call what](access.md)"]
    links += [f"[Messages of `{package}`]({page_of(package)})" for package in packages]
    parts = ["# Reference\n", "".join(f"- {link}\n" for link in links)]
    for service in sorted(contract.services):
        rows = []
        for name in contract.methods_of(service):
            does, _ = take_sentence(contract.line(name), "")
            rows.append([f"[{name.rpartition('.')[2]}]({method_link(name)})", does])
        parts.append(f"## [{service.rpartition('.')[2]}]({page_of(service)})\n")
        parts.append(f"{contract.text(service)}\n")
        parts.append(table(["RPC", "What it does"], rows))
    return "\n".join(parts)

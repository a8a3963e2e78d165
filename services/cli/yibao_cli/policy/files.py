"""`yibao policy check, show, diff, convert`: policy files, without a service."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from yibao_cli.inputs import read_file
from yibao_cli.output import is_json, print_document
from yibao_cli.policy.documents import (
    difference_document,
    policy_document,
    warnings_documents,
)
from yibao_common.process.config import StartError
from yibao_common.values.errors import refuse_faults
from yibao_settlement.files.benefit.check import BenefitWarning
from yibao_settlement.files.benefit.conversion.choices import CapScope, Choices
from yibao_settlement.files.benefit.conversion.convert import convert_policy
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.files.policy.check import PolicyWarning, check_policy
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.any_words import words_of
from yibao_settlement.rules.policy.difference import differences

_VERSION = re.compile("[0-9a-f]{64}")


def is_version(text: str) -> bool:
    """Tells whether a text is a version of a policy, and no file's name."""
    return bool(_VERSION.fullmatch(text))


def read_policy(path: Path) -> bytes:
    """Returns what a policy file holds. Raises StartError."""
    if is_version(path.name) and not path.exists():
        raise StartError(
            f"{path} is a version and no file: yibao policy get {path} > FILE writes its file\n"
            f"    {path} 是政策版本号而非文件：用 yibao policy get 取得该版本的文件"
        )
    return read_file(path)


def run_check(console: Console, path: Path) -> int:
    """Prints the policy in a file in words, and what is probably not meant in it.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake.
        StartError: the file cannot be read.
    """
    found = check_policy(read_policy(path), name=str(path))
    refuse_faults(found.faults)
    policy = found.policy
    assert policy is not None
    if is_json():
        warnings = warnings_documents(found.warnings)
        print_document(console, {**policy_document(path, policy), "warnings": warnings})
        return 0
    _show_head(console, path, policy)
    _show_words(console, policy)
    show_warnings(console, path, found.warnings)
    return 0


def run_show(console: Console, path: Path) -> int:
    """Prints the policy in a file in words.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake.
        StartError: the file cannot be read.
    """
    policy = load_any_policy(read_policy(path), name=str(path))
    if is_json():
        print_document(console, policy_document(path, policy))
        return 0
    _show_head(console, path, policy)
    _show_words(console, policy)
    return 0


def run_diff(console: Console, before: Path, after: Path) -> int:
    """Prints what two files say differently; returns 1 where they do.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake of the first faulty one.
        StartError: a file cannot be read.
    """
    paths = (before, after)
    policies = [load_any_policy(read_policy(path), name=str(path)) for path in paths]
    found = list(differences(*policies))
    if is_json():
        print_document(console, {"differences": [difference_document(each) for each in found]})
        return int(bool(found))
    for sign, path, policy in zip("-+", paths, policies, strict=True) if found else ():
        head = f"{sign} {path}: {policy.policy_id}, from {policy.start_date}"
        console.print(head, soft_wrap=True, markup=False)
    for each in found:
        owner = each.owner or "policy"
        console.print(f"{owner}: {each.change.name.lower()}", soft_wrap=True, markup=False)
        for sign, told in (("-", each.before), ("+", each.after)):
            if told is not None:
                text = f"  {sign} {told.text_zh}\n    {told.text_en}"
                console.print(text, soft_wrap=True, markup=False)
    if not found:
        console.print("Both say the same.", markup=False)
    return int(bool(found))


def run_convert(console: Console, path: Path, *, by_stay: bool, caps: Sequence[str]) -> int:
    """Prints a file of `yibao-policy/1` as one of `yibao-policy/2`.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake or open question.
        StartError: the file cannot be read, or `caps` say what cannot be.
    """
    choices = Choices(by_stay=by_stay, caps=dict(_cap(text) for text in caps))
    converted = convert_policy(read_file(path), name=str(path), choices=choices)
    if is_json():
        print_document(console, {"policy_file": converted.decode()})
    else:
        console.print(converted.decode(), end="", soft_wrap=True, markup=False)
    return 0


def _cap(text: str) -> tuple[str, CapScope]:
    """Returns what a cap counts, from `P1=own`. Raises StartError."""
    step_id, _, scope = text.partition("=")
    known = [each.value for each in CapScope]
    if not step_id or scope not in known:
        raise StartError(f"--cap {text}: expected STEP={known[0]} or STEP={known[1]}")
    return step_id, CapScope(scope)


def _show_words(console: Console, policy: AnyPolicy) -> None:
    for words in words_of(policy):
        console.print(f"\n{words}", soft_wrap=True, markup=False)


def show_warnings(
    console: Console, path: Path, warnings: Sequence[PolicyWarning | BenefitWarning]
) -> None:
    """Prints what is probably not meant in a file, in both languages."""
    if warnings:
        console.print("\nProbably not meant:", markup=False)
    for warning in warnings:
        told = f"  {path}:{warning.line} {warning.key}: {warning.message}"
        console.print(f"{told}\n    {warning.message_zh}", soft_wrap=True, markup=False)


def _show_head(console: Console, path: Path, policy: AnyPolicy) -> None:
    until = policy.end_date.isoformat() if policy.end_date else "further notice"
    lines = (
        f"{path} is a policy.",
        f"  {policy.policy_id}: {policy.title} {policy.title_zh}",
        f"  region {policy.region}, insurance type {policy.insurance_type}, "
        f"from {policy.start_date} until {until}",
        f"  steps: {', '.join(step.id for step in policy.steps)}",
        f"  version {policy.version}",
    )
    console.print("\n".join(lines), soft_wrap=True, markup=False)

"""One plan for three services: storage stores, a feature has one name, classes are flat."""

import ast
import enum
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias, ModuleType, UnionType

import pytest
from support.contracts import ROOT, SERVICES
from support.own_classes import (
    classes,
    depth,
    implements,
    is_protocol,
    members,
    path_of,
)

# Settlement alone reads files that people write.
LAYERS = ("rules", "application", "files", "storage", "servicer")
# What one layer alone has, and why.
ALONE: dict[str, dict[str, str]] = {
    "identity": {
        "application/calls": "a call answered once and its refusal put on record, for all features",
        "rules/channel": "one table of ways for cards and e-certificates, for all their calls",
        "rules/credential": "what settlement is told of cards and e-certificates alike",
        "rules/lifetime": "which days a life holds, for enrolments, premiums and diseases alike",
        "rules/newborn_class": "class 1401, which every call that enrols may state",
        "rules/document": "the form of documents, asked by every feature that is shown one",
        "storage/tables": "rows and columns, stated once for all features",
    },
    "settlement": {
        "storage/tables": "rows and columns, stated once for all features",
        "rules/bill": "what is charged; it is stored as its settlement",
        "rules/duplicate": "which bills charge the same; its marks are stored as settlements",
        "rules/difference_order": "how a difference is settled, apart from what makes one",
        "rules/finding": "what puts bills under review; a finding is stored as its review",
        "rules/restating": "what a region says of later bills; they are settled as any",
        "rules/pricing": "what the catalogue makes of lines, for bills and uploads alike",
        "rules/care_facts": "what visits are about; it is stored and told with its visit",
        "rules/care_type": "the national list, which nobody changes here",
        "rules/third_party": "which lines somebody else is liable for, as their terms say",
        "rules/stay": "what is refused of visits and of bills alike; it is stored as visits",
        "servicer/decode": "messages of all features to values",
        "servicer/encode": "values of all features to messages",
        "servicer/settled_lines": "the lines of a settlement's message, of uploads and papers too",
        "servicer/adjustment": "the message of what moved of settlements, for all who read one",
        "servicer/explanation": "the message of a settlement's columns, which are no feature",
        "servicer/settling": "what is asked of a bill, whether it is settled at once or held",
        "servicer/rows": "the form of rows of imports, whatever they are of",
        "servicer/bulk": "bills of one call; each is decided and stored as any settlement",
        "servicer/refused_lines": "what a bill settled without, told to operators",
        "servicer/what_if": "the message of what the folder of settlements decides otherwise",
        "servicer/news": "who waits for another service; what is decided is decided again",
        "servicer/trust": "what codes are verified by; nothing of it is decided or stored",
    },
    "offsite": {
        "rules/served": "which regions have an agency here, for all that anyone sends to one",
        "application/keyless": "what is refused without keys, for all features",
        "servicer/dated_place": "places in lists by day, for all features",
        "files/national": "rules that ship with the service, and hold where a region states none",
        "storage/tables": "rows and columns, stated once for all features",
    },
}

MOST_OWN_CLASSES_IN_A_CHAIN = 2
# Chains that a library makes: a class, and why it is one longer.
LONG_CHAINS = {
    "yibao_identity.config.IdentityConfig": "pydantic inherits fields and settings of a model",
    "yibao_settlement.config.IdentityConfig": "pydantic inherits fields and settings of a model",
    "yibao_settlement.config.SettlementConfig": "pydantic inherits fields and settings of a model",
    "yibao_offsite.config.OffsiteConfig": "pydantic inherits fields and settings of a model",
    **{
        f"yibao_settlement.files.policy.schema.{kind}{part}": "pydantic inherits fields of a model"
        for kind in ("Classify", "Deductible", "Tiers", "Account")
        for part in ("Model", "RowModel")
    },
}
# Functions of application that storage may ask: they put values together and decide nothing.
PLAIN_FUNCTIONS: dict[str, dict[str, str]] = {
    "settlement": {
        "storage/batch/transaction.py: yibao_settlement.application.batch.needs.united": (
            "the needs of a batch are those of its commands"
        ),
        "storage/batch/found.py: yibao_settlement.rules.finding.seen_since": (
            "from which day on visits are read, which the visits that are found first say"
        ),
        "storage/settlement/leaving.py: "
        "yibao_settlement.application.repricing.places.places_by_now": (
            "which rows of windows are read, which the policies say"
        ),
        "storage/difference/find.py: yibao_settlement.rules.ledger.difference_account": (
            "the name of an account whose balance is asked for"
        ),
        "storage/difference/find.py: yibao_settlement.rules.ledger.due_account": (
            "the name of an account whose balance is asked for"
        ),
        "storage/ledger/told.py: yibao_settlement.application.credit.book.credit_detail": (
            "the one form in which the audit tells of a credit, to compare with"
        ),
        "storage/ledger/booked.py: yibao_settlement.rules.ledger.payable_account": (
            "the name of an account whose entries are asked for"
        ),
        "storage/credit/record.py: yibao_settlement.rules.ledger.receivable_account": (
            "the name of an account whose balance is asked for"
        ),
        **{
            f"storage/allocation/record.py: yibao_settlement.rules.period.month.{name}": (
                "which days a month has, whose members are asked for"
            )
            for name in ("first_day", "next_month")
        },
        **{
            f"storage/year/record.py: yibao_settlement.rules.ledger.{account}_account": (
                "the name of an account whose balance is asked for"
            )
            for account in ("person", "carried", "difference")
        },
        **{
            f"storage/account_close/reading.py: yibao_settlement.rules.ledger.{account}_account": (
                "the name of an account whose entries are asked for"
            )
            for account in ("person", "carried")
        },
        "storage/account_close/reading.py: yibao_settlement.rules.account.new_standing": (
            "a standing of whose account alone is read"
        ),
        "storage/account_close/record.py: yibao_settlement.rules.period.month.month_of": (
            "the month of entries, which the time of their posting says"
        ),
        **{
            f"storage/ledger/entries.py: yibao_settlement.rules.ledger.{account}_account": (
                "the name of an account whose entries are asked for"
            )
            for account in ("person", "carried", "difference", "due", "receivable")
        },
    },
}
# Protocols that no class of ours implements twice, and why they are ones.
STRUCTURES = {
    "yibao_common.rpc.requests.ChangingRequest": "fields of generated messages",
    "yibao_common.rpc.feed.FeedRequest": "fields of generated messages",
}

each_service = pytest.mark.parametrize("service", SERVICES)


def layer_of(service: str, layer: str) -> Path:
    return ROOT / "services" / service / f"yibao_{service}" / layer


def storage_modules(service: str) -> Iterator[tuple[str, ast.Module]]:
    """Yields the name and the source of each module of a service's storage."""
    folder = layer_of(service, "storage")
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(folder.parent)), ast.parse(path.read_text(encoding="utf-8"))


def decisions_imported(tree: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Yields module and name of what is imported of rules and application.

    No name is the module itself, by which anything in it could be reached.
    """
    deciding = tuple(f"{package}.{layer}" for layer in ("rules", "application"))
    inside = tuple(f"{each}." for each in deciding)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                wholes = [each.name for each in names]
                yield from (
                    (name, "") for name in wholes if name in (package, "importlib", *deciding)
                )
                yield from ((name, "") for name in wholes if name.startswith(inside))
            case ast.ImportFrom(level=level) if level:
                yield f"{'.' * level}{node.module or ''}", ""
            case ast.ImportFrom(module=str(module), names=names):
                for each in names:
                    whole = f"{module}.{each.name}"
                    if whole in deciding or module in deciding or module == "importlib":
                        yield whole, ""
                    elif module.startswith(inside):
                        yield module, each.name


def is_value_type(module: str, name: str) -> bool:
    """Tells whether a name is of a class, another name for types, or a constant."""
    if not name:
        return False
    value = getattr(importlib.import_module(module), name)
    if isinstance(value, type | enum.EnumType | UnionType | GenericAlias):
        return True
    return not callable(value) and not isinstance(value, ModuleType)


@each_service
def test_storage_takes_value_types_of_what_decides_and_asks_nothing(service: str) -> None:
    found = {
        f"{path}: {module}.{name}"
        for path, tree in storage_modules(service)
        for module, name in decisions_imported(tree, f"yibao_{service}")
        if not is_value_type(module, name)
    }
    assert found == PLAIN_FUNCTIONS.get(service, {}).keys()


def names_in(tree: ast.AST) -> Iterator[str]:
    """Yields every name that a module imports or uses."""
    for node in ast.walk(tree):
        match node:
            case ast.alias(name=name) | ast.Name(id=name) | ast.Attribute(attr=name):
                yield name.split(".")[-1]


def is_deciding(name: str) -> bool:
    """Tells whether a name is of what refuses, or words a row of the audit."""
    refusing = {"RuleError", "Reason", "FieldFault", "refuse_faults"}
    auditing = {"AuditEntry", "entry_of", "record_refused"}
    return name in refusing | auditing or name.startswith("require_")


@each_service
def test_storage_refuses_nothing_and_words_no_row_of_the_audit(service: str) -> None:
    found = {
        path: named
        for path, tree in storage_modules(service)
        if (named := {name for name in names_in(tree) if is_deciding(name)})
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import yibao_offsite",
        "import yibao_offsite.rules.registration",
        "from yibao_offsite import rules",
        "from yibao_offsite.rules import registration",
        "from yibao_offsite.rules.registration.decide import register",
        "from yibao_offsite.application.registration.ending import end_by_person",
        "from ..rules.registration.decide import register",
        "import importlib",
        "from importlib import import_module",
    ],
)
def test_what_storage_may_not_import_is_found(source: str) -> None:
    (found,) = decisions_imported(ast.parse(source), "yibao_offsite")
    assert not is_value_type(*found)


def test_what_storage_may_import_is_let_pass() -> None:
    allowed = "from yibao_offsite.rules.registration.registration import Registration, Task"
    found = list(decisions_imported(ast.parse(allowed), "yibao_offsite"))
    assert len(found) == 2
    assert all(is_value_type(*each) for each in found)


def test_what_refuses_is_found_by_its_name() -> None:
    for source in ("errors.RuleError(errors.Reason.X)", "refuse_faults([])", "a.require_region(r)"):
        assert any(is_deciding(name) for name in names_in(ast.parse(source)))


def stems(folder: Path) -> set[str]:
    """Returns the names of a layer's files and folders, private ones left out."""
    if not folder.exists():
        return set()
    found = {path.stem for path in folder.glob("*.py")}
    found |= {path.name for path in folder.iterdir() if path.is_dir()}
    return {stem for stem in found if not stem.startswith("_")}


@each_service
def test_a_feature_has_one_stem_in_every_layer(service: str) -> None:
    """What stands in one layer alone stands on the list with its reason, and nothing else."""
    layers = {layer: stems(layer_of(service, layer)) for layer in LAYERS}
    alone = {
        f"{layer}/{stem}"
        for layer, own in layers.items()
        for stem in own
        if not any(stem in other for name, other in layers.items() if name != layer)
    }
    assert alone == set(ALONE[service])


def doubles() -> set[str]:
    """Returns the names of what classes of `tests/support` subclass."""
    found: set[str] = set()
    for path in (ROOT / "tests" / "support").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found |= {name for base in node.bases for name in names_in(base)}
    return found


def test_a_protocol_has_two_implementations_or_a_double() -> None:
    """One that describes a function alone is the type of that function."""
    known = doubles()
    found = [
        path_of(each)
        for each in classes()
        if is_protocol(each) and members(each) != {"__call__"}
        if path_of(each) not in STRUCTURES and each.__name__ not in known
        if sum(implements(kind, each) for kind in classes()) < 2
    ]
    assert found == []


def test_classes_are_composed_and_not_chained() -> None:
    found = {
        path_of(each): depth(each)
        for each in classes()
        if path_of(each) not in LONG_CHAINS and depth(each) > MOST_OWN_CLASSES_IN_A_CHAIN
    }
    assert found == {}


def test_no_exception_is_listed_that_is_none() -> None:
    known = {path_of(each): each for each in classes()}
    assert all(depth(known[path]) == MOST_OWN_CLASSES_IN_A_CHAIN + 1 for path in LONG_CHAINS)
    assert all(is_protocol(known[path]) for path in STRUCTURES)

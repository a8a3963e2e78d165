"""The protos themselves: form, compatibility, and the conventions that no linter knows."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2 as d
from support.contracts import PROTOS, ROOT, Rpc, files, messages, rpcs, rules, run_tool

from yibao.common.v1 import validation_pb2
from yibao_common.rpc.formats import _WHOLE

# Changing RPCs that have no request_id of their own, and why.
NO_REQUEST_ID = {
    "IssueQrCode": "each call is meant to give a new code",
    "IssueRelativeQrCode": "each call is meant to give a new code",
    "SubmitBills": "each item has its own",
    "SubmitPersons": "each item has its own",
}
# Plain int64 fields that are no money.
NO_MONEY = {
    # In fen, or a number of bills, as `is_count` says.
    "yibao.settlement.v1.StatementYearLine.before",
    "yibao.settlement.v1.StatementYearLine.this_time",
    "yibao.settlement.v1.StatementYearLine.after",
    "yibao.common.v1.FieldRules.minimum",
    "yibao.common.v1.FieldRules.maximum",
    "yibao.identity.v1.ListEnrolmentChangesRequest.after_sequence",
    "yibao.identity.v1.ListEnrolmentChangesRequest.head_sequence",
    "yibao.identity.v1.ListEnrolmentChangesResponse.head_sequence",
    "yibao.identity.v1.EnrolmentChange.sequence",
    "yibao.offsite.v1.ListOffsiteChangesRequest.after_sequence",
    "yibao.offsite.v1.ListOffsiteChangesRequest.head_sequence",
    "yibao.offsite.v1.ListOffsiteChangesResponse.head_sequence",
    "yibao.offsite.v1.OffsiteChange.sequence",
    "yibao.identity.v1.CardTransaction.sequence",
    "yibao.identity.v1.ListCardTransactionsRequest.after_sequence",
    "yibao.identity.v1.ListAuditEventsRequest.after_sequence",
    "yibao.common.v1.AuditEvent.sequence",
    "yibao.identity.v1.GetTrustSnapshotResponse.version",
    "yibao.common.v1.TrustInfo.version",
    # Fen, or a count where the name says so.
    "yibao.settlement.v1.Accumulator.value",
    # Windows hold numbers of bills too, under their names.
    "yibao.settlement.v1.WindowFound.counter_value",
    "yibao.settlement.v1.WindowFound.value",
    "yibao.settlement.v1.WindowPart.value",
}
MONEY_WORDS = re.compile(r"(^|_)(amount|balance|total|fee|cash|paid|deductible)(_|$)")

RPCS = {rpc.path: rpc for rpc in rpcs()}
CHANGING = [rpc for rpc in rpcs() if rpc.changes]


def fields() -> Iterator[tuple[str, d.FieldDescriptorProto]]:
    for name, message in messages().items():
        for field in message.field:
            yield f"{name}.{field.name}", field


@pytest.mark.parametrize("command", [("lint",), ("format", "--diff", "--exit-code")])
def test_buf_finds_nothing(command: tuple[str, ...]) -> None:
    done = run_tool("buf", *command, cwd=PROTOS)
    assert done.returncode == 0, done.stdout + done.stderr


def newest_release() -> str | None:
    tags = subprocess.run(
        ["git", "tag", "--list", "v*", "--sort=-version:refname"],
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    return tags.stdout.split()[0] if tags.stdout.split() else None


def test_no_client_of_the_newest_release_is_broken() -> None:
    tag = newest_release()
    if tag is None:
        pytest.skip("nothing is released: there is no tag v*, so protos may still change freely")
    done = run_tool("buf", "breaking", "protos", "--against", f".git#tag={tag},subdir=protos")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_removed_field_would_be_found(tmp_path: Path) -> None:
    earlier = tmp_path / "protos"
    shutil.copytree(PROTOS, earlier)
    date = earlier / "yibao" / "common" / "v1" / "date.proto"
    date.write_text(date.read_text().replace("int32 day = 3;", "int32 day = 3;\n  int32 era = 4;"))
    done = run_tool("buf", "breaking", "protos", "--against", str(earlier))
    assert "era" in done.stdout
    assert done.returncode != 0


def test_public_protos_import_nothing_that_a_client_lacks() -> None:
    imports = {name for file in files() for name in file.dependency}
    assert {
        name for name in imports if not name.startswith(("google/protobuf/", "yibao/"))
    } == set()


def test_no_method_takes_a_stream() -> None:
    streams = [
        method.name
        for file in files()
        for service in file.service
        for method in service.method
        if method.client_streaming
    ]
    assert streams == []


@pytest.mark.parametrize("rpc", CHANGING, ids=lambda rpc: rpc.path)
def test_a_changing_rpc_has_a_request_id_and_says_what_a_repeat_does(rpc: Rpc) -> None:
    assert re.search(r"\b(Idempotent|Not idempotent)\b", rpc.comment)
    request = {field.name: field for field in messages()[rpc.input_type].field}
    if rpc.name in NO_REQUEST_ID:
        assert "request_id" not in request
        return
    found = rules(request["request_id"])
    assert found.required
    assert found.format == validation_pb2.FORMAT_UUID
    assert request["request_id"].number == 1
    assert "REQUEST_ID_REUSED" in rpc.sentence("Reasons: ")


@pytest.mark.parametrize(
    "path",
    [
        "/yibao.settlement.v1.SettlementService/SubmitBills",
        "/yibao.identity.v1.PersonService/SubmitPersons",
    ],
)
def test_every_item_of_a_bulk_request_has_a_request_id(path: str) -> None:
    (items,) = messages()[RPCS[path].input_type].field
    assert "request_id" in {field.name for field in messages()[items.type_name[1:]].field}


def test_only_known_rpcs_lack_a_request_id() -> None:
    assert set(NO_REQUEST_ID) <= {rpc.name for rpc in CHANGING}


@pytest.mark.parametrize("rpc", rpcs(), ids=lambda rpc: rpc.path)
def test_every_rpc_tells_who_may_call_and_only_changing_ones_store(rpc: Rpc) -> None:
    assert rpc.sentence("Callers: ")
    if not rpc.changes:
        fields_of_request = {field.name for field in messages()[rpc.input_type].field}
        assert "request_id" not in fields_of_request


def test_money_is_int64_in_fen_and_ratios_are_int32_in_ppm() -> None:
    faults = []
    for name, field in fields():
        is_fen, is_ppm = field.name.endswith("_fen"), field.name.endswith("_ppm")
        if is_fen != (field.type == field.TYPE_INT64) and name not in NO_MONEY:
            faults.append(f"{name}: money is int64 *_fen, and every int64 is money")
        if is_ppm and field.type != field.TYPE_INT32:
            faults.append(f"{name}: a ratio is int32 *_ppm")
        is_number = field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE, field.TYPE_BOOL)
        if MONEY_WORDS.search(field.name) and is_number and not is_fen:
            faults.append(f"{name}: an amount without its unit")
    assert faults == []
    assert {name for name, _ in fields()} >= NO_MONEY


def test_no_field_is_a_float_or_unsigned() -> None:
    allowed = {
        d.FieldDescriptorProto.TYPE_INT32,
        d.FieldDescriptorProto.TYPE_INT64,
        d.FieldDescriptorProto.TYPE_BOOL,
        d.FieldDescriptorProto.TYPE_STRING,
        d.FieldDescriptorProto.TYPE_BYTES,
        d.FieldDescriptorProto.TYPE_MESSAGE,
        d.FieldDescriptorProto.TYPE_ENUM,
    }
    assert [name for name, field in fields() if field.type not in allowed] == []


def test_a_required_number_whose_zero_is_legal_can_be_told_from_an_absent_one() -> None:
    numbers = (d.FieldDescriptorProto.TYPE_INT32, d.FieldDescriptorProto.TYPE_INT64)
    faults = [
        name
        for name, field in fields()
        if field.type in numbers
        and rules(field).required
        and rules(field).minimum <= 0
        and not field.proto3_optional
    ]
    assert faults == []


def test_every_instant_ends_in_time_and_every_day_in_date() -> None:
    suffixes = {".google.protobuf.Timestamp": "time", ".yibao.common.v1.Date": "date"}
    faults = [
        name
        for name, field in fields()
        if field.type_name in suffixes and not field.name.endswith(suffixes[field.type_name])
    ]
    assert faults == []


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_proto_says_where_its_classes_go(file: d.FileDescriptorProto) -> None:
    service = file.package.split(".")[1]
    stem = "".join(word.capitalize() for word in Path(file.name).stem.split("_"))
    options = file.options
    assert options.java_package == file.package
    assert options.java_multiple_files
    assert options.java_outer_classname == f"{stem}Proto"
    assert options.go_package == f"{file.package.replace('.', '/')};{service}v1"
    assert options.csharp_namespace == f"Yibao.{service.capitalize()}.V1"


def _in_requests() -> set[str]:
    """Returns the names of all messages that requests are or hold."""
    found, todo = set[str](), [rpc.input_type for rpc in rpcs()]
    while todo:
        name = todo.pop()
        if name not in found and name in messages():
            found.add(name)
            todo += [field.type_name.removeprefix(".") for field in messages()[name].field]
    return found


def test_no_text_and_no_list_of_a_request_is_of_any_length() -> None:
    """Where only the whole message is limited, one field of it may take all of the time."""
    bounded = {int(form) for form in _WHOLE}
    endless = [
        f"{name}.{field.name}"
        for name in _in_requests()
        for field in messages()[name].field
        if not rules(field).output_only
        and (
            (field.label == field.LABEL_REPEATED and not rules(field).HasField("max_items"))
            or (
                field.type in (field.TYPE_STRING, field.TYPE_BYTES)
                and not rules(field).HasField("max_length")
                and rules(field).format not in bounded
            )
        )
    ]
    assert endless == []


def test_every_result_of_a_bulk_request_is_an_outcome_or_an_error() -> None:
    results = [
        message
        for file in files()
        for message in file.message_type
        if any(field.type_name == ".yibao.common.v1.ItemError" for field in message.field)
    ]
    assert {message.name for message in results} >= {"SubmitBillsResult", "SubmitPersonsResult"}
    for message in results:
        assert [each.name for each in message.oneof_decl] == ["outcome"], message.name
        assert [(field.number, field.HasField("oneof_index")) for field in message.field] == [
            (1, True),
            (2, True),
        ], message.name
        assert message.field[1].name == "error", message.name

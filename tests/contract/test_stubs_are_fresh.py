"""The committed stubs say what the protos say."""

import importlib
import re

import pytest
from google.protobuf import descriptor_pb2 as d
from support.contracts import ROOT, files

SDK = ROOT / "sdk"


def default_json_name(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def without_the_obvious(file: d.FileDescriptorProto) -> d.FileDescriptorProto:
    """Drops what stubs leave out: source info, and JSON names where they are the default."""
    copy = d.FileDescriptorProto()
    copy.CopyFrom(file)
    copy.ClearField("source_code_info")
    pending = list(copy.message_type)
    for message in pending:
        pending += message.nested_type
    for field in [field for message in pending for field in message.field] + list(copy.extension):
        if field.json_name == default_json_name(field.name):
            field.ClearField("json_name")
    return copy


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_a_stub_registers_what_buf_builds(file: d.FileDescriptorProto) -> None:
    stub = importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
    registered = d.FileDescriptorProto.FromString(stub.DESCRIPTOR.serialized_pb)
    assert without_the_obvious(registered) == without_the_obvious(file)


@pytest.mark.parametrize(
    "file", [file for file in files() if file.service], ids=lambda file: file.name
)
def test_a_service_stub_has_every_method_and_no_other(file: d.FileDescriptorProto) -> None:
    stub = SDK / file.name.replace(".proto", "_pb2_grpc.py")
    # A channel's call and its server's handler each name the method.
    found = set(re.findall(r"'/(yibao\.[\w.]+)/(\w+)'", stub.read_text(encoding="utf-8")))
    assert found == {
        (f"{file.package}.{service.name}", method.name)
        for service in file.service
        for method in service.method
    }


def test_no_stub_is_left_of_a_proto_that_is_gone() -> None:
    stubs = {
        str(path.relative_to(SDK))
        for pattern in ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")
        for path in (SDK / "yibao").rglob(pattern)
    }
    expected = set()
    for file in files():
        stem = file.name.removesuffix(".proto")
        expected |= {f"{stem}_pb2.py", f"{stem}_pb2.pyi"}
        if file.service:
            expected |= {f"{stem}_pb2_grpc.py", f"{stem}_pb2_grpc.pyi"}
    assert stubs == expected

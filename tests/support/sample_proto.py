"""A contract made for tests: one message with every kind of rule, one streaming method."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from yibao.common.v1 import date_pb2
from yibao.common.v1 import validation_pb2 as pb

_Field = descriptor_pb2.FieldDescriptorProto
_RULES: list[tuple[str, Any, str, pb.FieldRules]] = [
    ("text", _Field.TYPE_STRING, "", pb.FieldRules(required=True, max_length=5)),
    ("note", _Field.TYPE_STRING, "", pb.FieldRules(min_length=2, max_length=5)),
    ("count", _Field.TYPE_INT32, "", pb.FieldRules(required=True, minimum=1, maximum=3)),
    ("amount", _Field.TYPE_INT64, "o", pb.FieldRules(required=True, minimum=0, maximum=9)),
    ("share", _Field.TYPE_INT32, "o", pb.FieldRules(minimum=1, maximum=10)),
    ("least", _Field.TYPE_INT32, "", pb.FieldRules(minimum=5)),
    ("price", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_UNIT_PRICE)),
    ("quantity", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_QUANTITY)),
    ("colour", _Field.TYPE_ENUM, "", pb.FieldRules(required=True)),
    ("colours", _Field.TYPE_ENUM, "r", pb.FieldRules()),
    (
        "groups",
        _Field.TYPE_STRING,
        "r",
        pb.FieldRules(max_items=2, format=pb.FORMAT_DIGITS, max_length=3),
    ),
    ("numbers", _Field.TYPE_INT32, "r", pb.FieldRules(minimum=1)),
    ("file", _Field.TYPE_BYTES, "", pb.FieldRules(required=True, max_length=4)),
    ("day", ".yibao.common.v1.Date", "", pb.FieldRules()),
    ("at", ".google.protobuf.Timestamp", "", pb.FieldRules(required=True)),
    ("made", _Field.TYPE_STRING, "", pb.FieldRules(output_only=True)),
    ("made_at", ".google.protobuf.Timestamp", "", pb.FieldRules(output_only=True)),
    ("made_items", _Field.TYPE_STRING, "r", pb.FieldRules(output_only=True)),
    ("parent", ".yibao.test.v1.Sample", "", pb.FieldRules()),
    ("children", ".yibao.test.v1.Sample", "r", pb.FieldRules(max_items=2)),
    ("citizen", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_CITIZEN_NUMBER)),
    ("id", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_UUID)),
    ("region", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_REGION)),
    ("institution", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_INSTITUTION)),
    ("code", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_CODE, max_length=4)),
    ("serial", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_SERIAL, max_length=4)),
    ("label", _Field.TYPE_STRING, "", pb.FieldRules(format=pb.FORMAT_TEXT, max_length=6)),
    ("labels", _Field.TYPE_STRING, "r", pb.FieldRules(format=pb.FORMAT_TEXT, max_length=6)),
]


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="yibao/test/v1/sample.proto",
        package="yibao.test.v1",
        syntax="proto3",
        dependency=[
            date_pb2.DESCRIPTOR.name,
            timestamp_pb2.DESCRIPTOR.name,
            pb.DESCRIPTOR.name,
        ],
    )
    colour = file.enum_type.add(name="Colour")
    for number, name in enumerate(("UNSPECIFIED", "RED", "BLUE")):
        colour.value.add(name=f"COLOUR_{name}", number=number)
    message = file.message_type.add(name="Sample")
    for number, (name, kind, label, rules) in enumerate(_RULES, start=1):
        field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
        if isinstance(kind, str):
            field.type, field.type_name = _Field.TYPE_MESSAGE, kind
        else:
            field.type = kind
            if kind == _Field.TYPE_ENUM:
                field.type_name = ".yibao.test.v1.Colour"
        if label == "r":
            field.label = _Field.LABEL_REPEATED
        if label == "o":
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")
        field.options.Extensions[pb.field].CopyFrom(rules)
    sample = ".yibao.test.v1.Sample"
    file.service.add(name="Ticker").method.add(
        name="Count", input_type=sample, output_type=sample, server_streaming=True
    )
    return file


_pool = descriptor_pool.Default()
_pool.AddSerializedFile(_file().SerializeToString())

TICKER = _pool.FindServiceByName("yibao.test.v1.Ticker")
SAMPLE = _pool.FindMessageTypeByName("yibao.test.v1.Sample")
Sample: Any = message_factory.GetMessageClass(SAMPLE)


def good_sample(**changes: Any) -> Any:
    """Returns a Sample without a fault, with `changes` made."""
    sample = Sample(text="a", count=1, amount=0, colour=1, file=b"x")
    sample.at.FromJsonString("2026-03-01T00:00:00Z")
    for name, value in changes.items():
        field = SAMPLE.fields_by_name[name]
        if value is None:
            sample.ClearField(name)
        elif isinstance(value, list):
            getattr(sample, name).extend(value)
        elif field.message_type is not None:
            getattr(sample, name).CopyFrom(value)
        else:
            setattr(sample, name, value)
    return sample

"""An example of a request: every field with a value of its form, to be filled in."""

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from yibao.common.v1 import validation_pb2

# Nobody sends what lies deeper; messages that hold themselves end here.
_DEEPEST = 6
_UUID = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
_OF_FORMAT = {
    validation_pb2.FORMAT_UUID: _UUID,
    validation_pb2.FORMAT_REGION: "500112",
    validation_pb2.FORMAT_CITIZEN_NUMBER: "11010519491231002X",
    validation_pb2.FORMAT_INSTITUTION: "H50011200001",
    validation_pb2.FORMAT_DIGITS: "11",
    validation_pb2.FORMAT_UNIT_PRICE: "12.50",
    validation_pb2.FORMAT_QUANTITY: "1",
    validation_pb2.FORMAT_CODE: "CODE",
    validation_pb2.FORMAT_TEXT: "TEXT",
    validation_pb2.FORMAT_NAME: "张三",
    validation_pb2.FORMAT_SIGNED_QUANTITY: "1",
    validation_pb2.FORMAT_SERIAL: "SERIAL",
    validation_pb2.FORMAT_LABEL: "LABEL",
}
_WELL_KNOWN: Mapping[str, object] = {
    "google.protobuf.Timestamp": "2026-01-31T08:00:00Z",
    "google.protobuf.Duration": "60s",
    "yibao.common.v1.Date": {"year": 2026, "month": 1, "day": 31},
}


def example_of(message: Descriptor, *, region: str = "") -> dict[str, object]:
    """Returns an example of a request as plain values of JSON.

    Left out are what the service sets, further members of a `oneof`, pages, and the request
    id, which `yibao call` makes. `region` stands where one is asked for, if it is given.
    """
    return _example(message, region, 0)


def _example(message: Descriptor, region: str, depth: int) -> dict[str, object]:
    values: dict[str, object] = {}
    for field in message.fields:
        rules = field.GetOptions().Extensions[validation_pb2.field]
        if rules.output_only or field.name in {"request_id", "page_token"}:
            continue
        choice = field.containing_oneof
        # An optional field is, to descriptors, the one member of a choice of its own.
        if choice is not None and len(choice.fields) > 1 and choice.fields[0] != field:
            continue
        value = _value(field, rules, region, depth)
        if value is not None:
            values[field.name] = value
    return values


def _value(
    field: FieldDescriptor, rules: validation_pb2.FieldRules, region: str, depth: int
) -> object:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {"key": "value"}
    one = _one(field, rules, region, depth)
    if one is None:
        return None
    return [one] if field.is_repeated else one


def _one(
    field: FieldDescriptor, rules: validation_pb2.FieldRules, region: str, depth: int
) -> object:
    if field.message_type is not None:
        name = field.message_type.full_name
        if name in _WELL_KNOWN:
            return _WELL_KNOWN[name]
        return _example(field.message_type, region, depth + 1) if depth < _DEEPEST else None
    if field.enum_type is not None:
        values = field.enum_type.values
        return values[1 if len(values) > 1 else 0].name
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return "AAAA"
        case FieldDescriptor.CPPTYPE_STRING:
            if rules.format == validation_pb2.FORMAT_REGION and region:
                return region
            return _OF_FORMAT.get(rules.format, "text")
        case FieldDescriptor.CPPTYPE_BOOL:
            return False
        case _:
            least = rules.minimum if rules.HasField("minimum") else 1
            return max(least, 1)

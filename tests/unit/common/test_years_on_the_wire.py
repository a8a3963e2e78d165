"""Days and instants of years that no calendar of ours holds are refused by field, everywhere.

Whatever is added to a day that is taken, such as the month of a period or the hours of a
time zone, stays a day that Python and both databases can hold.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from yibao_common.rpc.access import methods_of
from yibao_common.rpc.field_checks import is_repeated, rules_of
from yibao_common.rpc.validation import Validator
from yibao_common.values.reasons import Reason
from yibao_identity.main import DESCRIPTORS as IDENTITY
from yibao_offsite.main import DESCRIPTORS as OFFSITE
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT

METHODS = methods_of((*IDENTITY, *SETTLEMENT, *OFFSITE))
DATE, TIMESTAMP = "yibao.common.v1.Date", "google.protobuf.Timestamp"
YEARS = (-(2**31), -1, 0, 1, 1899, 3000, 9999, 10_000, 2**31 - 1)
# The last second of 1899 and the first of 3000, in UTC; the ends of what a field can hold.
SECONDS = (-(2**63), -2_208_988_801, 32_503_680_000, 2**63 - 1)

# Makes the message in which the field stands, and gives it.
Path = tuple[str, ...]


def paths(message: Descriptor, kind: str, above: Path = ()) -> Iterator[Path]:
    """Yields where fields of a kind stand in a request, at any depth."""
    for field in message.fields:
        inner = field.message_type
        if inner is None or rules_of(field).output_only or field.name in above:
            continue
        if inner.full_name == kind:
            yield (*above, field.name)
        else:
            yield from paths(inner, kind, (*above, field.name))


def at(request: Message, path: Path) -> tuple[Any, str]:
    """Returns the message at a path, made as it is walked, and how a fault names it."""
    place: Any = request
    told = []
    for name in path:
        field = place.DESCRIPTOR.fields_by_name[name]
        if is_repeated(field):
            place = getattr(place, name).add()
            told.append(f"{name}[0]")
        else:
            place = getattr(place, name)
            place.SetInParent()
            told.append(name)
    return place, ".".join(told)


def of_kind(kind: str) -> list[Any]:
    return [
        pytest.param(method, path, id=f"{name}:{'.'.join(path)}")
        for name, method in METHODS.items()
        for path in paths(method.input_type, kind)
    ]


def faults_at(method: MethodDescriptor, path: Path, **values: int) -> list[Reason]:
    """Returns why the value at a path of an otherwise empty request is refused."""
    request = GetMessageClass(method.input_type)()
    place, told = at(request, path)
    for name, value in values.items():
        setattr(place, name, value)
    found = Validator(method.input_type).faults(request)
    return [fault.reason for fault in found.first if fault.field == told]


@pytest.mark.parametrize(("method", "path"), of_kind(DATE))
def test_a_day_of_an_impossible_year_is_refused_by_its_field(
    method: MethodDescriptor, path: Path
) -> None:
    for year in YEARS:
        refused = faults_at(method, path, year=year, month=6, day=15)
        assert refused == [Reason.DATE_INVALID], year
    for year, month, day in ((1900, 1, 1), (2999, 12, 31)):
        assert faults_at(method, path, year=year, month=month, day=day) == []


@pytest.mark.parametrize(("method", "path"), of_kind(TIMESTAMP))
def test_an_instant_of_an_impossible_year_is_refused_by_its_field(
    method: MethodDescriptor, path: Path
) -> None:
    for seconds in SECONDS:
        assert faults_at(method, path, seconds=seconds) == [Reason.FIELD_OUT_OF_RANGE], seconds
    for seconds in (-2_208_988_800, 0, 32_503_679_999):
        assert faults_at(method, path, seconds=seconds) == []


def test_no_field_is_overlooked() -> None:
    assert len(of_kind(DATE)) >= 35
    assert len(of_kind(TIMESTAMP)) >= 6

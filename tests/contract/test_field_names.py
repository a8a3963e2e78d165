"""Every field that a caller may fill has a name for the counter."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor

from yibao_common.rpc.access import methods_of
from yibao_common.rpc.field_checks import rules_of
from yibao_common.rpc.field_names import NAMES_ZH
from yibao_identity.main import DESCRIPTORS as IDENTITY
from yibao_offsite.main import DESCRIPTORS as OFFSITE
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT


def fields_of(message: Descriptor, seen: set[str]) -> Iterator[str]:
    """Yields the names of all fields of a request that its caller may fill, and of choices."""
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    # One that is made for a field that may be absent begins with `_`.
    yield from (each.name for each in message.oneofs if not each.name.startswith("_"))
    for field in message.fields:
        if rules_of(field).output_only:
            continue
        yield field.name
        if field.message_type is not None:
            yield from fields_of(field.message_type, seen)


def test_the_fields_of_requests_and_the_names_are_the_same() -> None:
    seen: set[str] = set()
    methods = methods_of((*IDENTITY, *SETTLEMENT, *OFFSITE)).values()
    fields = {name for method in methods for name in fields_of(method.input_type, seen)}
    assert sorted(fields) == sorted(NAMES_ZH)


def services_of_fields() -> dict[str, set[str]]:
    """Returns by the name of a field of requests the services whose methods take it."""
    found: dict[str, set[str]] = defaultdict(set)
    for method in methods_of((*IDENTITY, *SETTLEMENT, *OFFSITE)).values():
        for name in fields_of(method.input_type, set()):
            found[name].add(method.containing_service.name)
    return found


# What one subject alone has, and a name that others share would say of them too: a kind of paper
# that was missing was told to the counter as 案件类型.
SUBJECTS = {
    "案件": {"CertificateService"},
    "挂失": {"CardService"},
    "绑定": {"PersonService", "CertificateService"},
    "结转": {"AccountCloseService"},
    "结算单": {"SettlementService"},
    "差额": {"DifferenceService", "RepricingService", "ClearingService"},
    "资金": {"AccountService"},
}


@pytest.mark.parametrize("word", SUBJECTS)
def test_a_name_that_subjects_share_is_not_that_of_one_of_them(word: str) -> None:
    strange = {
        name: sorted(services - SUBJECTS[word])
        for name, services in services_of_fields().items()
        if word in NAMES_ZH[name] and services - SUBJECTS[word]
    }
    assert strange == {}

"""Who may call what: access tables, contract and comments agree."""

import importlib
import re

import pytest
from support.contracts import SERVICES, Rpc, rpcs

from yibao_common.rpc.access import AccessTable
from yibao_common.values.caller import EVERY_ROLE, Role

# The words of the comments. An institution acts through its terminals too.
ROLES = {
    "institution": {Role.INSTITUTION, Role.TERMINAL},
    "agency": {Role.AGENCY},
    "province": {Role.PROVINCE},
    "holder": {Role.HOLDER},
    "channel": {Role.CHANNEL},
    "bank": {Role.BANK},
    "supervisor": {Role.SUPERVISOR},
    "service": {Role.SERVICE},
    "anyone": set(EVERY_ROLE),
}
WORDS = re.compile(rf"\b({'|'.join(ROLES)})s?\b")


def access_of(service: str) -> AccessTable:
    module = importlib.import_module(f"yibao_{service}.access")
    access = module.ACCESS
    assert isinstance(access, AccessTable)
    return access


def services_of(rpc: Rpc) -> tuple[str, ...]:
    """Returns which services serve it; all of them what is common."""
    package = rpc.service.split(".")[1]
    return SERVICES if package == "common" else (package,)


@pytest.mark.parametrize("service", SERVICES)
def test_every_method_has_a_row_and_every_row_a_method(service: str) -> None:
    methods = {rpc.path for rpc in rpcs() if service in services_of(rpc)}
    assert access_of(service).methods == methods


@pytest.mark.parametrize("rpc", rpcs(), ids=lambda rpc: rpc.path)
def test_the_comment_names_the_roles_that_the_table_admits(rpc: Rpc) -> None:
    named = [ROLES[word] for word in WORDS.findall(rpc.sentence("Callers: "))]
    for service in services_of(rpc):
        assert set[Role]().union(*named) == access_of(service).roles(rpc.path)


@pytest.mark.parametrize("service", SERVICES)
def test_a_running_server_serves_the_services_of_its_package(service: str) -> None:
    descriptors = importlib.import_module(f"yibao_{service}.main").DESCRIPTORS
    served = {descriptor.full_name for descriptor in descriptors}
    assert served == {rpc.service for rpc in rpcs() if service in services_of(rpc)}

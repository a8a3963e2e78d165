"""A certificate that nobody would take is refused at the start, with what to do."""

import datetime as dt
from pathlib import Path

import pytest

from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import ServerConfig, StartError
from yibao_common.rpc.own_certificate import check_client_identity, check_own_certificates

NOW = dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
LEAVES = (
    Leaf("server", "service/settlement", is_server=True),
    Leaf("other", "service/offsite", is_server=True),
    Leaf("client", "service/settlement"),
)


def config(folder: Path, *, leaf: str = "server", trust_domain: str = "yibao.dev") -> ServerConfig:
    """Returns a configuration with certificates that hold from `NOW` for 30 days."""
    issued = issue_dev_certificates(folder, LEAVES, clock=lambda: NOW)
    files = issued.leaves[leaf]
    return ServerConfig(
        certificate_file=files.certificate_file,
        key_file=files.key_file,
        client_ca_file=issued.ca_file,
        trust_domain=trust_domain,
    )


def told(check: ServerConfig, *, now: dt.datetime = NOW) -> str:
    with pytest.raises(StartError) as refused:
        check_own_certificates(check, now=now)
    return str(refused.value)


def test_a_good_certificate_is_taken(tmp_path: Path) -> None:
    good = config(tmp_path)
    for now in (NOW, NOW + 29 * DAY):
        check_own_certificates(good, now=now)
    check_client_identity(good, service="settlement")


def test_one_that_ended_is_named_with_its_end_and_so_is_its_ca(tmp_path: Path) -> None:
    text = told(config(tmp_path), now=NOW + 30 * DAY)
    own, ca = text.splitlines()
    assert own.startswith(f"server.certificate_file: {tmp_path}/server.pem: ended on 2026-12-20")
    assert ca.startswith(f"server.client_ca_file: {tmp_path}/ca.pem: ended on 2026-12-20")
    assert own.endswith(": renew it")


def test_one_that_does_not_hold_yet_names_the_clock(tmp_path: Path) -> None:
    text = told(config(tmp_path), now=NOW - DAY)
    assert "server.pem: holds from 2026-11-20 07:00 UTC only: set this machine's clock" in text


def test_one_of_another_trust_domain_names_both(tmp_path: Path) -> None:
    text = told(config(tmp_path, trust_domain="province.gov"))
    assert "(spiffe://yibao.dev/service/settlement)" in text
    assert "server.trust_domain says (province.gov)" in text


def test_one_for_clients_alone_is_refused(tmp_path: Path) -> None:
    assert "client.pem: is not for servers" in told(config(tmp_path, leaf="client"))


def test_a_ca_file_that_holds_no_ca_is_refused(tmp_path: Path) -> None:
    good = config(tmp_path)
    slip = good.model_copy(update={"client_ca_file": good.certificate_file})
    assert "server.client_ca_file: " in told(slip)
    assert "holds no CA" in told(slip)


def test_a_service_that_calls_others_needs_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"spiffe://yibao\.dev/service/settlement"):
        check_client_identity(config(tmp_path, leaf="other"), service="settlement")


def test_nothing_is_asked_of_who_speaks_plain_text() -> None:
    check_own_certificates(ServerConfig(insecure=True), now=NOW)
    check_client_identity(ServerConfig(insecure=True), service="settlement")

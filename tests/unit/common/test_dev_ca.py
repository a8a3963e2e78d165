import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SERVER = Leaf("settlement", "service/settlement", is_server=True)
HOSPITAL = Leaf("hospital", "institution/H50011200001")


def issue(
    folder: Path, *leaves: Leaf, now: dt.datetime = NOW, trust_domain: str = "yibao.dev"
) -> DevCertificates:
    return issue_dev_certificates(
        folder, leaves or (SERVER, HOSPITAL), trust_domain=trust_domain, clock=lambda: now
    )


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(issued: DevCertificates, name: str) -> x509.SubjectAlternativeName:
    found = certificate(issued.leaves[name].certificate_file)
    return found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_leaves_are_issued_by_the_ca_and_name_their_caller(tmp_path: Path) -> None:
    issued = issue(tmp_path / "new" / "folder")
    ca = certificate(issued.ca_file)
    for leaf in issued.leaves.values():
        certificate(leaf.certificate_file).verify_directly_issued_by(ca)
    uris = names(issued, "hospital").get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["spiffe://yibao.dev/institution/H50011200001"]
    assert isinstance(ca.public_key(), ec.EllipticCurvePublicKey)
    assert "DEVELOPMENT" in ca.subject.rfc4514_string()


def test_only_servers_may_serve_and_only_on_this_machine(tmp_path: Path) -> None:
    issued = issue(tmp_path)
    assert names(issued, "settlement").get_values_for_type(x509.DNSName) == ["localhost"]
    assert names(issued, "hospital").get_values_for_type(x509.DNSName) == []
    for name, serves in (("settlement", True), ("hospital", False)):
        found = certificate(issued.leaves[name].certificate_file)
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert (ExtendedKeyUsageOID.SERVER_AUTH in usage) is serves
        assert ExtendedKeyUsageOID.CLIENT_AUTH in usage


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    issue(tmp_path / "certs")
    keys = sorted((tmp_path / "certs").glob("*.key"))
    assert [key.name for key in keys] == ["ca.key", "hospital.key", "settlement.key"]
    for key in keys:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not list((tmp_path / "certs").glob(".*"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_good_certificates_are_kept(tmp_path: Path) -> None:
    issue(tmp_path)
    before = contents(tmp_path)
    issue(tmp_path, now=NOW + dt.timedelta(days=28))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("days", [29, 31, 400])
def test_ending_certificates_are_made_again(tmp_path: Path, days: int) -> None:
    issue(tmp_path)
    before = contents(tmp_path)
    now = NOW + dt.timedelta(days=days)
    issued = issue(tmp_path, now=now)
    assert all(before[name] != after for name, after in contents(tmp_path).items())
    assert certificate(issued.ca_file).not_valid_after_utc == now + dt.timedelta(days=30)


def test_a_leaf_of_another_identity_or_ca_is_made_again(tmp_path: Path) -> None:
    issue(tmp_path)
    before = contents(tmp_path)
    issued = issue(tmp_path, Leaf("hospital", "institution/H50011200002"), SERVER)
    assert names(issued, "hospital").get_values_for_type(x509.UniformResourceIdentifier) == [
        "spiffe://yibao.dev/institution/H50011200002"
    ]
    assert contents(tmp_path)["settlement.pem"] == before["settlement.pem"]
    (tmp_path / "ca.key").unlink()
    issue(tmp_path)
    assert contents(tmp_path)["ca.pem"] != before["ca.pem"]
    assert contents(tmp_path)["settlement.pem"] != before["settlement.pem"]


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    issue(tmp_path)
    (tmp_path / "hospital.key").write_text("half a")
    (tmp_path / "settlement.pem").write_text("")
    issued = issue(tmp_path)
    for leaf in issued.leaves.values():
        certificate(leaf.certificate_file).verify_directly_issued_by(certificate(issued.ca_file))

"""Contexts: a file of them, which one counts, and what wins over what it says."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from support.terminals import Ended, environment, run

from yibao.settlement.v1 import visit_service_pb2 as pb
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates

LEAVES = (
    Leaf("server", "service/settlement", is_server=True),
    Leaf("hospital", "institution/H50011200001"),
    Leaf("agency", "agency/500112/wang"),
)
ASK = ("call", "GetVisit", '{"visit_id": "v"}')


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    return issue_dev_certificates(tmp_path_factory.mktemp("certificates"), LEAVES)


class Told(NamedTuple):
    """What a service was asked: the region, and as whom."""

    region: str
    caller: str


@pytest.fixture(scope="module")
def service(certificates: DevCertificates) -> Iterator[tuple[str, list[Told]]]:
    """Runs a service that tells who asked it for which region."""
    asked: list[Told] = []

    def answer(request: pb.GetVisitRequest, context: Any) -> pb.GetVisitResponse:
        (uri,) = (each.decode() for each in context.auth_context()["peer_spiffe_id"])
        asked.append(Told(request.region, uri.partition("yibao.dev/")[2]))
        return pb.GetVisitResponse()

    handler = grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=pb.GetVisitRequest.FromString,
        response_serializer=pb.GetVisitResponse.SerializeToString,
    )
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "yibao.settlement.v1.VisitService", {"GetVisit": handler}
            ),
        )
    )
    own = certificates.leaves["server"]
    credentials = grpc.ssl_server_credentials(
        [(own.key_file.read_bytes(), own.certificate_file.read_bytes())],
        certificates.ca_file.read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"127.0.0.1:{port}", asked
    server.stop(None).wait()


def entry(
    certificates: DevCertificates, name: str, address: str, **others: str
) -> Mapping[str, str]:
    """Returns a context of a party."""
    leaf = certificates.leaves[name]
    return {
        "settlement_address": address,
        "ca_file": str(certificates.ca_file),
        "certificate_file": str(leaf.certificate_file),
        "key_file": str(leaf.key_file),
        **others,
    }


def write(path: Path, current: str | None, **contexts: Mapping[str, str]) -> dict[str, str]:
    """Writes a file of contexts; returns the variable that names it."""
    lines = [f'current = "{current}"'] if current else []
    for name, values in contexts.items():
        lines += [f"[contexts.{name}]", *(f'{key} = "{value}"' for key, value in values.items())]
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return {"YIBAO_CONTEXTS": str(path)}


@pytest.fixture
def file(
    tmp_path: Path, certificates: DevCertificates, service: tuple[str, list[Told]]
) -> dict[str, str]:
    address, asked = service
    asked.clear()
    return write(
        tmp_path / "contexts.toml",
        "hospital",
        hospital=entry(certificates, "hospital", address, region="500112"),
        agency=entry(certificates, "agency", address, region="110000"),
        elsewhere=entry(certificates, "agency", "127.0.0.1:1", region="110000"),
    )


HOSPITAL, AGENCY = "institution/H50011200001", "agency/500112/wang"


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        ((*ASK,), {}, Told("500112", HOSPITAL)),
        ((*ASK, "--context", "agency"), {}, Told("110000", AGENCY)),
        (("--context", "agency", *ASK), {}, Told("110000", AGENCY)),
        ((*ASK,), {"YIBAO_CONTEXT": "agency"}, Told("110000", AGENCY)),
        ((*ASK, "--context", "hospital"), {"YIBAO_CONTEXT": "agency"}, Told("500112", HOSPITAL)),
        ((*ASK,), {"YIBAO_REGION": "330100"}, Told("330100", HOSPITAL)),
        ((*ASK, "--region", "440100"), {"YIBAO_REGION": "330100"}, Told("440100", HOSPITAL)),
        (
            ("call", "GetVisit", '{"region": "999019"}', "--region", "440100"),
            {},
            Told("999019", HOSPITAL),
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else str(each),
)
def test_an_option_wins_over_the_environment_and_that_over_the_context(
    file: dict[str, str],
    service: tuple[str, list[Told]],
    words: tuple[str, ...],
    variables: dict[str, str],
    told: Told,
) -> None:
    ended = run(*words, variables={**file, **variables})
    assert (ended.code, ended.err) == (0, "")
    assert service[1] == [told]


def test_the_address_of_the_environment_wins_over_that_of_the_context(
    file: dict[str, str], service: tuple[str, list[Told]]
) -> None:
    elsewhere = (*ASK, "--context", "elsewhere")
    assert run(*elsewhere, variables=file).code == 1
    address = {"YIBAO_SETTLEMENT_ADDRESS": service[0]}
    assert run(*elsewhere, variables={**file, **address}).code == 0
    assert service[1] == [Told("110000", AGENCY)]
    closed = ("--address", "127.0.0.1:1")
    assert run(*elsewhere, *closed, variables={**file, **address}).code == 1


def test_each_value_of_the_connection_has_a_variable(
    certificates: DevCertificates, service: tuple[str, list[Told]]
) -> None:
    address, asked = service
    asked.clear()
    agency = certificates.leaves["agency"]
    variables = {
        "YIBAO_SETTLEMENT_ADDRESS": address.replace("127.0.0.1", "localhost"),
        "YIBAO_CA_FILE": str(certificates.ca_file),
        "YIBAO_CERTIFICATE_FILE": str(agency.certificate_file),
        "YIBAO_KEY_FILE": str(agency.key_file),
        "YIBAO_REGION": "110000",
    }
    # `call` learns which service it is from the method, and a command of one service knows.
    assert run(*ASK, variables=variables).code == 0
    assert asked == [Told("110000", AGENCY)]
    refused = run("policy", "list", variables=variables)
    assert (refused.code, "UNIMPLEMENTED" in refused.err) == (1, True)
    without = run(*ASK, variables={**variables, "YIBAO_KEY_FILE": ""})
    assert without.code == 2
    assert without.err.startswith("yibao call: --key is missing\n")


def test_of_a_method_that_all_answer_it_is_told_which_is_asked(
    tmp_path: Path, certificates: DevCertificates, service: tuple[str, list[Told]]
) -> None:
    values = entry(certificates, "hospital", service[0], region="500112")
    file = write(tmp_path / "c.toml", "a", a=values)
    unsaid = run("call", "GetServerInfo", "{}", variables=file)
    assert (unsaid.code, unsaid.out) == (2, "")
    assert "identity, settlement, offsite: say which by --service or --address" in unsaid.err
    # This server is none that answers it, but was asked.
    for words in (("--service", "settlement"), ("--address", service[0])):
        asked = run("call", "GetServerInfo", "{}", *words, variables=file)
        assert (asked.code, "UNIMPLEMENTED" in asked.err) == (1, True)
    lacking = run("call", "GetServerInfo", "{}", "--service", "identity", variables=file)
    assert (lacking.code, lacking.err.splitlines()[0]) == (2, "yibao call: --address is missing")
    wrong = run(*ASK, "--service", "identity", variables=file)
    assert (wrong.code, wrong.err) == (
        2,
        "--service identity: GetVisit is answered by settlement\n",
    )


def test_an_address_and_a_name_are_of_one_server(
    tmp_path: Path, certificates: DevCertificates, service: tuple[str, list[Told]]
) -> None:
    address, _ = service
    values = entry(certificates, "hospital", address, region="500112")
    file = write(tmp_path / "c.toml", "a", a={**values, "server_name": "another.example"})
    assert run(*ASK, variables=file).code == 1
    assert run(*ASK, "--server-name", "localhost", variables=file).code == 0
    # The name is that of the context's address, and not of this one.
    assert run(*ASK, "--address", address, variables=file).code == 0


COMMANDS = [
    ("call", "GetVisit", "{}"),
    ("statement", "s", "s.pdf"),
    ("persons", "import", "persons.csv"),
    ("policy", "submit", "policy.yaml"),
    ("policy", "approve", "0" * 64),
    ("policy", "withdraw", "0" * 64),
    ("policy", "get", "0" * 64),
    ("policy", "list"),
    ("policy", "simulate", "0" * 64, "--from", "2026-01-01", "--to", "2026-01-31"),
    ("review", "list"),
    ("review", "show", "r"),
    ("review", "propose", "r", "confirm", "why"),
    ("review", "confirm", "r", "confirm"),
    ("review", "reject", "r", "why"),
    ("qr", "show", "--watch", "--certificate-id", "c"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_every_command_that_calls_a_service_takes_the_context(
    tmp_path: Path, certificates: DevCertificates, command: tuple[str, ...]
) -> None:
    values = entry(certificates, "hospital", "127.0.0.1:1", region="500112")
    values = {**values, "identity_address": "127.0.0.1:1", "key_file": str(tmp_path / "no.key")}
    file = write(tmp_path / "contexts.toml", "a", a=values)
    policy = (Path(__file__).parents[3] / "policies" / "110000" / "employee-2023.yaml").read_text()
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "persons.csv").write_text(
        "certificate_type,certificate_number,person_name,insurance_type,person_class,start_date\n"
    )
    ended = run(*command, cwd=tmp_path, variables=file)
    # It came as far as the files of the context, of which one is not there.
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{tmp_path}/no.key: cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("contents", "words", "told"),
    [
        (None, (), "contexts.toml: there is no file of contexts: yibao context add makes one"),
        ("", ("--context", "a"), "there is no context a in "),
        ('current = "b"\n[contexts.a]', (), "there is no context b in "),
        ("[contexts.a]\nadress = 1", (), "contexts.a.adress: unknown key"),
        ('[contexts.a]\nregion = "5"', (), "contexts.a.region: must be the six digits of"),
        ('[contexts.a]\nidentity_address = "x"', (), "identity_address: must be host:port"),
        ('[contexts."a b"]', (), "must have 1 to 64 letters, digits, - and _"),
        ("[contexts", (), "contexts.toml: is not TOML"),
        ("other = 1", (), "other: unknown key"),
    ],
)
def test_a_file_or_a_context_of_no_use_is_told_in_a_sentence(
    tmp_path: Path, contents: str | None, words: tuple[str, ...], told: str
) -> None:
    path = tmp_path / "contexts.toml"
    if contents is not None:
        path.write_text(contents)
        path.chmod(0o600)
    for command in (ASK, ("context", "show")):
        if command[0] == "context":
            words = tuple(word for word in words if word != "--context")
        ended = run(*command, *words, variables={"YIBAO_CONTEXTS": str(path)})
        assert (ended.code, ended.out) == (2, "")
        assert told in ended.err
        assert len(ended.err.splitlines()) == 1


def test_a_context_is_no_matter_to_who_asks_for_help_or_says_all(
    tmp_path: Path, certificates: DevCertificates, service: tuple[str, list[Told]]
) -> None:
    variables = {"YIBAO_CONTEXTS": str(tmp_path / "nothing.toml")}
    assert run("call", "-h", variables=variables).code == 0
    hospital = certificates.leaves["hospital"]
    said: tuple[object, ...] = (
        "--address",
        service[0],
        "--ca",
        certificates.ca_file,
        "--region",
        "500112",
    )
    said = (*said, "--cert", hospital.certificate_file, "--key", hospital.key_file)
    assert run(*ASK, *said, variables=variables).code == 0


def test_a_file_that_others_may_write_to_is_not_believed(
    tmp_path: Path, file: dict[str, str]
) -> None:
    path = tmp_path / "contexts.toml"
    for mode, code in ((0o600, 0), (0o644, 0), (0o620, 2), (0o602, 2)):
        path.chmod(mode)
        ended = run(*ASK, variables=file)
        assert ended.code == code, mode
    assert ended.err == f"{path}: others may write to it: chmod 600 {path}\n"


def context(*words: object, path: Path, **variables: str) -> Ended:
    return run("context", *words, variables={"YIBAO_CONTEXTS": str(path), **variables})


def test_contexts_are_added_used_shown_and_removed(
    tmp_path: Path, certificates: DevCertificates
) -> None:
    path = tmp_path / "new" / "contexts.toml"
    assert context("list", path=path).code == 2
    hospital = certificates.leaves["hospital"]
    files: tuple[object, ...] = ("--ca", certificates.ca_file)
    files = (*files, "--cert", hospital.certificate_file, "--key", hospital.key_file)
    added = context(
        *("add", "hospital", "--region", "500112", "--settlement", "h.example:443", *files),
        path=path,
    )
    assert added.out == f"Context hospital is in {path}. Commands take it from now on.\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert context("add", "other", "--identity", "h.example:444", path=path).code == 0
    again = context("add", "other", "--identity", "h.example:445", path=path)
    assert (again.code, "there is a context other in" in again.err) == (2, True)
    assert context("add", "other", "--offsite", "h:4", "--replace", path=path).code == 0
    listed = context("list", path=path).out.splitlines()
    assert listed == [
        "* hospital  500112  settlement h.example:443",
        "  other     -       offsite h:4",
    ]
    shown = context("show", path=path, YIBAO_REGION="110000").out
    assert "region              110000  (of YIBAO_REGION)\n" in shown
    assert "calls as            spiffe://yibao.dev/institution/H50011200001, until 20" in shown
    assert context("use", "other", path=path).out == "Commands take context other from now on.\n"
    assert tomllib.loads(path.read_text())["current"] == "other"
    removed = context("remove", "other", path=path)
    assert removed.out == (
        "Context other is removed. None is in use now: yibao context use NAME.\n"
    )
    assert context("show", path=path).code == 2
    assert context("show", "hospital", path=path).code == 0
    for words in (("use", "other"), ("remove", "other"), ("show", "other")):
        ended = context(*words, path=path)
        assert (ended.code, "there is no context other" in ended.err) == (2, True)


def test_every_mistake_of_a_new_context_is_told(
    tmp_path: Path, certificates: DevCertificates
) -> None:
    path = tmp_path / "contexts.toml"
    ended = context(
        *("add", "a b", "--region", "5", "--settlement", "x", "--server-name", "x:1"), path=path
    )
    assert (ended.code, [line.partition(":")[0] for line in ended.err.splitlines()]) == (
        2,
        ["NAME a b", "--region 5", "--settlement x", "--server-name x"],
    )
    agency, hospital = (certificates.leaves[name] for name in ("agency", "hospital"))
    files = ("--ca", certificates.ca_file, "--cert", agency.certificate_file)
    ended = context("add", "a", *files, "--key", hospital.key_file, path=path)
    assert (ended.code, "is not the key of" in ended.err) == (2, True)
    assert not path.exists()


def test_a_key_that_others_may_read_is_told(tmp_path: Path) -> None:
    certificates = issue_dev_certificates(tmp_path, LEAVES)
    path = tmp_path / "contexts.toml"
    agency = certificates.leaves["agency"]
    agency.key_file.chmod(0o640)
    files = ("--ca", certificates.ca_file, "--cert", agency.certificate_file)
    told = f"! {agency.key_file}: others may read this key: chmod 600 {agency.key_file}"
    added = context("add", "a", *files, "--key", agency.key_file, path=path)
    assert (added.code, added.out.splitlines()[-1]) == (0, told)
    assert context("show", path=path).out.splitlines()[-1] == told
    agency.key_file.chmod(0o600)
    assert "!" not in context("show", path=path).out


def test_paths_of_the_file_are_taken_from_its_folder(
    tmp_path: Path, certificates: DevCertificates, service: tuple[str, list[Told]]
) -> None:
    os.symlink(certificates.ca_file.parent, tmp_path / "files")
    values = {
        "settlement_address": service[0],
        "ca_file": "files/ca.pem",
        "certificate_file": "files/hospital.pem",
        "key_file": "files/hospital.key",
    }
    file = write(tmp_path / "contexts.toml", "a", a=values)
    assert run(*ASK, cwd=tmp_path.parent, variables=file).code == 0


def test_a_home_that_nobody_knows_is_no_fault(
    tmp_path: Path, certificates: DevCertificates
) -> None:
    file = write(
        tmp_path / "contexts.toml",
        "a",
        a={**entry(certificates, "hospital", "h:1"), "ca_file": "~nobody-of-this-name/ca.pem"},
    )
    ended = run(*ASK, variables=file)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "~nobody-of-this-name/ca.pem: cannot be read: No such file" in ended.err
    program = (
        "import os, pwd; del os.environ['HOME']; os.environ.pop('XDG_CONFIG_HOME');"
        "pwd.getpwuid = lambda uid: {}[uid];"
        "from yibao_cli.contexts.names import contexts_file, complete_context;"
        "print(contexts_file().exists(), complete_context(''))"
    )
    ended_program = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(HOME="/nowhere"),
        capture_output=True,
        text=True,
    )
    assert (ended_program.stdout, ended_program.stderr) == ("False []\n", "")


def test_the_file_of_a_user_lies_among_the_users_configurations(tmp_path: Path) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path / "home")}
    assert run("context", "add", "a", variables=home).code == 0
    assert (tmp_path / "yibao" / "contexts.toml").is_file()
    # A relative one is passed over.
    assert run("context", "add", "a", variables={**home, "XDG_CONFIG_HOME": "x"}).code == 0
    assert (tmp_path / "home" / ".config" / "yibao" / "contexts.toml").is_file()
    nothing = {"XDG_CONFIG_HOME": str(tmp_path / "empty")}
    assert run("context", "list", variables=nothing).out.startswith("No contexts yet in ")


def test_contexts_are_told_to_programs(tmp_path: Path) -> None:
    path = tmp_path / "contexts.toml"
    added = json.loads(context("add", "a", "--region", "500112", "--json", path=path).out)
    assert added == {"name": "a", "file": str(path), "current": "a", "problems": []}
    listed = json.loads(context("list", "--json", path=path).out)
    assert (listed["current"], listed["contexts"][0]["region"]) == ("a", "500112")
    shown = json.loads(context("show", "--json", path=path, YIBAO_REGION="110000").out)
    assert (shown["region"], shown["environment"]) == ("110000", {"region": "YIBAO_REGION"})
    assert json.loads(context("use", "a", "--json", path=path).out) == {"current": "a"}
    removed = json.loads(context("remove", "a", "--json", path=path).out)
    assert removed == {"removed": "a", "current": None}
    refused = context("remove", "a", "--json", path=path)
    assert (refused.code, refused.out) == (2, "")
    assert json.loads(refused.err)["error"]["code"] == "UNUSABLE"

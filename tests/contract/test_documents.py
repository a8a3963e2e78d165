"""Documents lead somewhere, and tables of keys and metrics are complete."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import generate_latest
from pydantic import BaseModel
from sqlalchemy import MetaData
from support.contracts import ROOT, SERVICES, files

from yibao_common.process.metrics import Metrics
from yibao_common.values.caller import Role, parse_caller
from yibao_common.values.reasons import Code, Reason

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
CONFIGURATION = ROOT / "docs" / "operating" / "configuration.md"
MONITORING = ROOT / "docs" / "operating" / "monitoring.md"


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted({ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()})


def anchors(path: Path) -> set[str]:
    """Returns what a link may follow `#` with: headings as GitHub names them, and ids."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in plain}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    text = CODE.sub("", path.read_text(encoding="utf-8"))
    dead = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_documents_compiles_and_imports_what_there_is(path: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.M):
        program = ast.parse(block)
        imports = [node for node in program.body if isinstance(node, ast.Import | ast.ImportFrom)]
        compiled = compile(ast.Module(list[ast.stmt](imports), []), str(path), "exec")
        exec(compiled, {})


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Yields the names of all keys of a configuration."""
    for name, field in model.model_fields.items():
        arms = [field.annotation, *get_args(field.annotation)]
        sections = [arm for arm in arms if isinstance(arm, type) and issubclass(arm, BaseModel)]
        if not sections:
            yield name
        for section in sections:
            yield from keys_of(section)


@pytest.mark.parametrize("service", SERVICES)
def test_every_configuration_key_is_described(service: str) -> None:
    module = importlib.import_module(f"yibao_{service}.config")
    model: type[BaseModel] = getattr(module, f"{service.capitalize()}Config")
    described = set(re.findall(r"`(?:\w+\.)?(\w+)`", CONFIGURATION.read_text(encoding="utf-8")))
    assert set(keys_of(model)) - described == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_is_told_of_on_the_page_of_its_service(service: str) -> None:
    metadata: MetaData = importlib.import_module(f"yibao_{service}.storage.tables").metadata
    page = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    stored = re.search(r"^## What it stores\n(.*?)^## ", page, re.DOTALL | re.M)
    assert stored is not None
    firsts = re.findall(r"^\| (`.*?) \|", stored[1], re.M)
    assert {name for first in firsts for name in re.findall(r"`(\w+)`", first)} == set(
        metadata.tables
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_grpc_service_is_told_of_on_the_page_of_its_service(service: str) -> None:
    page = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    protos = (ROOT / "protos" / "yibao" / service / "v1").glob("*_service.proto")
    named = {re.findall(r"^service (\w+) ", path.read_text(), re.M)[0] for path in protos}
    assert {name for name in named if name not in page} == set()


def test_the_readme_counts_the_services_that_there_are() -> None:
    packages = {file.package for file in files() if file.service}
    services = sum(len(file.service) for file in files())
    told = f"{services} gRPC services in {len(packages)} packages"
    assert told in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_role_of_a_certificate_is_described_with_an_example_that_names_it() -> None:
    text = (ROOT / "docs" / "operating" / "certificates.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| `[^`]+` \| `([^`]+)` \|$", text, re.M)
    assert {role for role, _ in rows} == {role.value for role in Role}
    for role, example in rows:
        assert parse_caller(example).role.value == role


def test_the_table_of_grpc_codes_has_every_code_that_a_caller_may_see() -> None:
    text = (ROOT / "docs" / "coding" / "errors-and-retries.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \| .* \|$", text, re.M)
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    # These are gRPC's own: nothing of ours gives them.
    grpcs_own = {"OK", "CANCELLED", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "UNKNOWN"}
    assert {reason.code.name for reason in Reason} | grpcs_own <= told
    # Whether something was stored differs among these, so each is named.
    assert {reason.name for reason in Reason if reason.code is Code.UNAVAILABLE} <= told


def test_whatever_answers_with_a_stream_is_told_to_other_languages() -> None:
    text = (ROOT / "docs" / "coding" / "other-languages.md").read_text(encoding="utf-8")
    streaming = {
        method.name
        for file in files()
        for service in file.service
        for method in service.method
        if method.server_streaming
    }
    told = re.findall(r"answer with a stream:\n(.*)\.", text)[0]
    assert set(re.findall(r"`(\w+)`", told)) == streaming


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_buf_curl_is_told_to_speak_grpc(path: Path) -> None:
    # Its own default is another protocol, which no service here speaks.
    for call in re.findall(r"^.*\bbuf curl\b(?:.*\\\n)*.*", path.read_text(), re.M):
        assert "`buf curl`" in call or "--protocol grpc" in call, call


@pytest.mark.parametrize("name", ["qr-token", "trust"])
def test_the_length_of_a_text_is_not_told_in_bytes(name: str) -> None:
    # In CDDL `.size` counts the bytes of a text, and verifiers count its characters.
    text = (ROOT / "docs" / "coding" / f"{name}.md").read_text(encoding="utf-8")
    assert "tstr .size" not in text


def test_every_metric_is_described_and_every_described_one_exists() -> None:
    exposed = generate_latest(Metrics().registry).decode()
    names = set(re.findall(r"^# TYPE (yibao_\w+) (?:counter|gauge|histogram)$", exposed, re.M))
    assert set(re.findall(r"^\| `(yibao_\w+)` \|", MONITORING.read_text(), re.M)) == names


def test_every_event_that_services_log_is_described() -> None:
    code = "\n".join(path.read_text() for path in sorted((ROOT / "services").rglob("*.py")))
    logged = set(re.findall(r'log\.(?:info|warning|error|debug)\(\s*"([^"]+)"', code))
    # What background duties log where they fail.
    logged |= set(re.findall(r'failure=\s*"([^"]+)"', code))
    described = set(re.findall(r"`([a-z ]+)`", MONITORING.read_text(encoding="utf-8")))
    assert logged - described == set()


def defaults_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yields the keys of a configuration that have a default, as `section.key`."""
    for name, field in model.model_fields.items():
        arms = [field.annotation, *get_args(field.annotation)]
        sections = [arm for arm in arms if isinstance(arm, type) and issubclass(arm, BaseModel)]
        for section in sections:
            yield from defaults_of(section, f"{prefix}{name}.")
        if not sections and not field.is_required():
            yield f"{prefix}{name}", field.default


def told_defaults() -> dict[str, str]:
    """Returns what the page gives as default, by `section.key`."""
    told = {}
    for part in re.split(r"^## ", CONFIGURATION.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        section = re.findall(r"`\[(\w+)\]`", head)
        if "| default |" in body:
            for keys, default in re.findall(r"^\| (`.*?) \| (.*?) \|", body, re.M):
                for key in re.findall(r"`([\w.]+)`", keys):
                    told[key if "." in key else f"{section[0]}.{key}"] = default.strip("`")
    return told


@pytest.mark.parametrize("service", SERVICES)
def test_the_defaults_that_the_page_tells_are_the_defaults(service: str) -> None:
    module = importlib.import_module(f"yibao_{service}.config")
    told = told_defaults()
    wrong = {}
    for key, default in defaults_of(getattr(module, f"{service.capitalize()}Config")):
        text = told.get(key, told.get(key.partition(".")[2], "is not told"))
        # What may be absent is told as `none`, or as required where a check of the whole asks.
        right = ["none", "required"] if default is None else [str(default), str(default).lower()]
        if isinstance(default, int | float) and not isinstance(default, bool):
            right = [f"{default:,g}", f"{default:,}"]
        if text not in right:
            wrong[key] = (text, default)
    assert wrong == {}

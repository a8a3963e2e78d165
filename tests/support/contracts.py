"""The contract for tests: descriptors as buf builds them, with comments, and the RPCs."""

import functools
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import descriptor_pb2 as d

# Registers the options of fields, so that they are read and not kept as unknown bytes.
from yibao.common.v1 import validation_pb2
from yibao_common.rpc.calls import READS
from yibao_common.values.reasons import Reason

ROOT = Path(__file__).resolve().parents[2]

# Written in parts, so that this file does not hold what it looks for.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("api", "nuget", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
    )
)
PROTOS = ROOT / "protos"
# Below this number a reason may refuse any call, so no RPC names it.
FIRST_OF_ITS_OWN = 40
# A word in capitals with an underscore is a reason; `QR_*` stands for all that begin so.
REASON_NAME = re.compile(r"\b([A-Z]+_[A-Z_]*)(\*)?")
SERVICES = ("identity", "settlement", "offsite")


def run_tool(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a tool that stands beside this Python, or on the path."""
    beside = Path(sys.executable).parent / command[0]
    tool = str(beside) if beside.exists() else shutil.which(command[0])
    assert tool is not None, f"{command[0]} is not installed: run `make setup`"
    return subprocess.run([tool, *command[1:]], cwd=cwd, text=True, capture_output=True)


@functools.cache
def files() -> tuple[d.FileDescriptorProto, ...]:
    """Returns the files of the contract, without those of Google."""
    beside = str(Path(sys.executable).parent / "buf")
    command = [beside, "build", str(PROTOS), "--as-file-descriptor-set", "-o", "-"]
    built = subprocess.run(command, check=True, capture_output=True).stdout
    every = d.FileDescriptorSet.FromString(built).file
    return tuple(file for file in every if file.name.startswith("yibao/"))


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method of the contract and what its comment says, in one line."""

    service: str
    name: str
    comment: str
    input_type: str

    @property
    def path(self) -> str:
        """The name as gRPC sends it."""
        return f"/{self.service}/{self.name}"

    @property
    def changes(self) -> bool:
        """Whether it is an RPC that stores something."""
        return not self.name.startswith(READS)

    def sentence(self, opening: str) -> str:
        """Returns what follows `opening` up to the end of the sentence, or ""."""
        found = re.search(rf"(?:^|(?<=\. )){opening}(.*?)\.(?= |$)", self.comment)
        return found[1] if found else ""


@functools.cache
def rpcs() -> tuple[Rpc, ...]:
    """Returns every RPC."""
    found = []
    for file in files():
        comments = comments_of(file)
        for i, service in enumerate(file.service):
            for j, method in enumerate(service.method):
                comment = " ".join(comments[6, i, 2, j].split())
                name = f"{file.package}.{service.name}"
                found.append(Rpc(name, method.name, comment, method.input_type[1:]))
    return tuple(found)


def comments_of(file: d.FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Returns the leading comments of a file by the path of their element."""
    return {tuple(each.path): each.leading_comments for each in file.source_code_info.location}


def named_reasons(rpc: Rpc) -> set[str]:
    """Returns the reasons that the RPC's comment names, with an unknown name as it is."""
    found: set[str] = set()
    for name, is_open in REASON_NAME.findall(rpc.sentence("Reasons: ")):
        several = {reason.name for reason in Reason if reason.name.startswith(name)}
        found |= several if is_open else {name}
    return found


@functools.cache
def messages() -> dict[str, d.DescriptorProto]:
    """Returns every message by full name."""
    return {f"{file.package}.{each.name}": each for file in files() for each in file.message_type}


def rules(field: d.FieldDescriptorProto) -> validation_pb2.FieldRules:
    """Returns the rules of a field."""
    return field.options.Extensions[validation_pb2.field]


@functools.cache
def reason_comments() -> dict[str, str]:
    """Returns the comments of ErrorReason by value name, in one line each."""
    for file in files():
        comments = comments_of(file)
        for i, enum in enumerate(file.enum_type):
            if enum.name == "ErrorReason":
                return {
                    value.name: " ".join(comments[5, i, 2, j].split())
                    for j, value in enumerate(enum.value)
                }
    raise AssertionError("the contract has no ErrorReason")

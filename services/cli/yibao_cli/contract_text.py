"""What the contract says of methods and fields, read from the stubs that editors show it with."""

import ast
import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, MethodDescriptor

# A sentence ends before a space; `e.g. this` and `2.1` go on.
_SENTENCE = re.compile(r".*?[.](?=\s+[A-Z(`]|$)", re.DOTALL)
_CALLERS = re.compile(r"Callers: .*?[.](?=\s+[A-Z(`]|$)", re.DOTALL)


def comment_of(method: MethodDescriptor) -> str:
    """Returns the whole comment of a method as one line; empty where the stubs have none."""
    service = method.containing_service
    texts = _texts(f"{_module_of(service.file.name)}_grpc")
    return texts.get(f"{service.name}Stub.{method.name}", "")


def summary_of(method: MethodDescriptor) -> str:
    """Returns the first sentence of a method's comment."""
    found = _SENTENCE.match(comment_of(method))
    return found[0] if found else ""


def callers_of(method: MethodDescriptor) -> str:
    """Returns what the comment of a method says of who may call it."""
    found = _CALLERS.search(comment_of(method))
    return found[0].removeprefix("Callers: ") if found else ""


def field_comments(message: Descriptor) -> dict[str, str]:
    """Returns the comment of each field of a message, by its name."""
    texts = _texts(_module_of(message.file.name))
    names = (field.name for field in message.fields)
    return {name: texts.get(f"{message.name}.{name}", "") for name in names}


def _module_of(proto: str) -> str:
    return proto.removesuffix(".proto").replace("/", ".") + "_pb2"


@functools.cache
def _texts(module: str) -> dict[str, str]:
    """Returns the comments in a stub's file of types, as lines, by `Class.member`."""
    found = importlib.util.find_spec(module)
    path = Path(found.origin).with_suffix(".pyi") if found and found.origin else None
    if path is None or not path.is_file():
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        f"{part.name}.{name}": " ".join(text.split())
        for part in tree.body
        if isinstance(part, ast.ClassDef)
        for name, text in _members(part)
    }


def _members(part: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node, after in zip(part.body, [*part.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node) or ""
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield node.target.id, text

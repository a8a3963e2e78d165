"""The modules and classes of the services as they are when they are imported."""

import functools
import importlib
import inspect
import pkgutil
from types import ModuleType

PACKAGES = ("yibao_common", "yibao_identity", "yibao_settlement", "yibao_offsite", "yibao_cli")


@functools.cache
def modules(package: str) -> tuple[ModuleType, ...]:
    """Returns a package of ours and every module in it but its migrations."""
    top = importlib.import_module(package)
    names = [each.name for each in pkgutil.walk_packages(top.__path__, f"{package}.")]
    return (top, *(importlib.import_module(name) for name in names if "migrations" not in name))


@functools.cache
def classes() -> tuple[type, ...]:
    """Returns every class that a module of the services defines."""
    found: dict[type, None] = {}
    for package in PACKAGES:
        for module in modules(package):
            for _, value in inspect.getmembers(module, inspect.isclass):
                if value.__module__ == module.__name__:
                    found[value] = None
    return tuple(found)


def is_ours(kind: type) -> bool:
    """Tells whether a class stands in the services."""
    return kind.__module__.split(".")[0] in PACKAGES


def service_of(kind: type) -> str:
    """Returns whose class it is: `identity`, `common`."""
    return kind.__module__.split(".")[0].removeprefix("yibao_")


def path_of(kind: type) -> str:
    """Returns the class by its whole name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def depth(kind: type) -> int:
    """Returns how many classes of ours the longest chain up from `kind` has."""
    return 1 + max((depth(base) for base in kind.__bases__ if is_ours(base)), default=0)


def is_protocol(kind: type) -> bool:
    """Tells whether a class is a Protocol itself, not one that implements it."""
    return bool(vars(kind).get("_is_protocol", False))


def members(protocol: type) -> frozenset[str]:
    """Returns what a Protocol asks for: its methods, properties and attributes."""
    found: set[str] = set()
    for each in protocol.__mro__:
        if is_ours(each):
            found |= {name for name, value in vars(each).items() if _is_asked_for(name, value)}
            found |= set(inspect.get_annotations(each))
    return frozenset(found)


def _is_asked_for(name: str, value: object) -> bool:
    if name == "__call__":
        return True
    return not name.startswith("_") and (callable(value) or isinstance(value, property))


def implements(kind: type, protocol: type) -> bool:
    """Tells whether a class has all that a Protocol asks for, by whatever name it is known."""
    if is_protocol(kind):
        return False
    own = {name for each in kind.__mro__[:-1] for name in (*vars(each), *_attributes(each))}
    return members(protocol) <= own


def _attributes(kind: type) -> tuple[str, ...]:
    """Returns what a class declares, and what its constructor names, for it sets the rest."""
    constructor = vars(kind).get("__init__")
    code = getattr(constructor, "__code__", None)
    named = code.co_names if code is not None else ()
    return (*vars(kind).get("__annotations__", ()), *named)

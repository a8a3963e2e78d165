"""One gRPC service put together of parts: a file for each feature, no chain of classes."""

import types
from collections.abc import Callable
from typing import TypeVar, cast

from google.protobuf.descriptor import ServiceDescriptor

ServicerT = TypeVar("ServicerT")


def composed(
    servicer: Callable[..., ServicerT], service: ServiceDescriptor, *parts: object
) -> ServicerT:
    """Returns what serves every method of `service`, each by the one part that has it.

    Asserts that no method is missing and none is in two parts. `servicer` is the class that
    the generator made of the service.
    """
    del servicer  # It only names the type.
    methods = types.SimpleNamespace()
    for method in service.methods:
        found = [part for part in parts if hasattr(part, method.name)]
        assert len(found) == 1, f"{service.full_name}.{method.name} is in {len(found)} parts"
        setattr(methods, method.name, getattr(found[0], method.name))
    return cast(ServicerT, methods)

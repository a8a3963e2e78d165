"""Which roles may call which method; a method without a row is refused to everyone."""

from collections.abc import Iterable, Mapping

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from yibao_common.values.caller import Role

_NOBODY: frozenset[Role] = frozenset()


class AccessTable:
    """Maps full method names, `/package.Service/Method`, to the roles that may call."""

    def __init__(self, rows: Mapping[str, Iterable[Role]]) -> None:
        """Keeps a copy of `rows`."""
        self._rows = {method: frozenset(roles) for method, roles in rows.items()}

    @classmethod
    def of_services(cls, rows: Mapping[str, Mapping[str, Iterable[Role]]]) -> "AccessTable":
        """Makes a table from method names grouped by the full name of their service."""
        return cls(
            {
                f"/{service}/{method}": roles
                for service, methods in rows.items()
                for method, roles in methods.items()
            }
        )

    @property
    def methods(self) -> frozenset[str]:
        """The full names of all methods that have a row."""
        return frozenset(self._rows)

    def roles(self, method: str) -> frozenset[Role]:
        """Returns who may call `method`: nobody where it has no row."""
        return self._rows.get(method, _NOBODY)


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, MethodDescriptor]:
    """Returns the methods of `services` by their full names."""
    return {
        f"/{service.full_name}/{method.name}": method
        for service in services
        for method in service.methods
    }

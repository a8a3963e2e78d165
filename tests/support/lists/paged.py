"""A list that is read page by page: what a test makes and changes of it, and its pages."""

import itertools
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from support.both_services import CALL_SECONDS, OTHER_REGION, BothServices
from support.databases import as_owner
from support.lists.rows import fill
from support.settlement_world import REGION

from yibao_common.db.database import Database
from yibao_identity.main import DESCRIPTORS as IDENTITY
from yibao_identity.storage import tables as identity_tables
from yibao_offsite.main import DESCRIPTORS as OFFSITE
from yibao_offsite.storage import tables as offsite_tables
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT

SERVICES = {"identity": IDENTITY, "offsite": OFFSITE, "settlement": SETTLEMENT}
Key = tuple[object, ...]
_MOST_PAGES = 500


def methods() -> Iterator[tuple[str, MethodDescriptor]]:
    """Yields the methods of all services as `HoldService/ListHolds`."""
    for descriptors in SERVICES.values():
        for service in descriptors:
            for method in service.methods:
                yield f"{service.name}/{method.name}", method


@dataclass(frozen=True, slots=True)
class Made:
    """A list as one test reads it.

    `make` makes an item of each rank, whose places in the list rise or fall with the ranks.
    `leave` changes one so that it does not belong any more; None where nothing can.
    `key` are the fields of an item that tell it from others; `other` are other arguments.
    `behind` are, of a list without tokens, the field of the request that takes where it goes on,
    and the field of the last item that is put there.
    """

    request: dict[str, Any]
    make: Callable[[Sequence[int]], object]
    key: tuple[str, ...]
    leave: Callable[[int], object] | None = None
    other: dict[str, Any] | None = None
    caller: str = "maker"
    behind: tuple[str, str] | None = None


class Shop:
    """The running services, and rows that a test puts into the database of settlement."""

    def __init__(self, services: BothServices, seed: str) -> None:
        """Takes the services; `seed` is of the ids, so that lists share none."""
        self.services = services
        self._ids: dict[int, str] = {}
        self._random = random.Random(seed)

    def id(self, rank: int) -> str:
        """Returns the id of a rank: ids rise with ranks, and stand before those of today."""
        if rank not in self._ids:
            rest = uuid.UUID(int=self._random.getrandbits(128), version=4).hex[12:]
            self._ids[rank] = str(uuid.UUID(f"{rank:012x}{rest}"))
        return self._ids[rank]

    def new_id(self) -> str:
        """Returns an id of no rank."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def insert(self, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
        """Stores rows, with something in each column that has to have it."""
        filled = [fill(table, {"region": REGION, **row}) for row in rows]
        with as_owner(self._database_of(table)) as connection:
            connection.execute(sa.insert(table), filled)

    def change(self, table: sa.Table, key: dict[str, Any], **values: Any) -> None:
        """Changes the row of a key."""
        conditions = [table.c[name] == value for name, value in {"region": REGION, **key}.items()]
        with as_owner(self._database_of(table)) as connection:
            done = connection.execute(sa.update(table).where(*conditions).values(**values))
        assert done.rowcount == 1, (table.name, key)

    def row(self, table: sa.Table, **key: Any) -> dict[str, Any]:
        """Returns a stored row."""
        conditions = [table.c[name] == value for name, value in key.items()]
        with self._database_of(table).read() as connection:
            return dict(connection.execute(sa.select(table).where(*conditions)).one()._mapping)

    def _database_of(self, table: sa.Table) -> Database:
        services = self.services
        if table.metadata is offsite_tables.metadata:
            assert services.offsite_database is not None
            return services.offsite_database
        is_identitys = table.metadata is identity_tables.metadata
        return services.identity_database if is_identitys else services.database


class Reader:
    """Reads a list by pages."""

    def __init__(self, services: BothServices, name: str, made: Made) -> None:
        """Takes the method, as `HoldService/ListHolds`."""
        self._services = services
        self._made = made
        self._method = dict(methods())[name]

    @cached_property
    def _items(self) -> FieldDescriptor:
        """The field of the answer that items are in: the first that holds several."""
        fields: Sequence[FieldDescriptor] = self._method.output_type.fields
        return next(each for each in fields if each.is_repeated)

    def page(self, **arguments: Any) -> tuple[list[Key], Any]:
        """Returns the keys of a page's items, and what the next one is asked for with."""
        request = self.request(**arguments)
        response = self.call(request, self._made.caller)
        items = getattr(response, self._items.name)
        keys = [tuple(_value(item, name) for name in self._made.key) for item in items]
        if self._made.behind is None:
            return keys, response.next_page_token  # type: ignore[attr-defined]
        is_full = len(items) == arguments["page_size"]
        return keys, getattr(items[-1], self._made.behind[1]) if is_full else None

    def rest(self, token: Any, size: int) -> Iterator[list[Key]]:
        """Yields the further pages of at most `size` items."""
        name = "page_token" if self._made.behind is None else self._made.behind[0]
        for number in itertools.count():
            if not token:
                return
            assert number < _MOST_PAGES, "the list comes to its end"
            keys, token = self.page(page_size=size, **{name: token})
            assert len(keys) <= size
            yield keys

    def all(self) -> list[Key]:
        """Returns all items as they are by now."""
        keys, token = self.page(page_size=500)
        assert not token, "the test makes lists that one page holds"
        return keys

    def request(self, **arguments: Any) -> Message:
        """Returns a request for a page."""
        kind = GetMessageClass(self._method.input_type)
        return kind(**{"region": REGION, **self._made.request, **arguments})

    def other_request(self, token: str) -> tuple[Message, str]:
        """Returns a request with other arguments, and who makes it."""
        if self._made.other is not None:
            return self.request(page_token=token, **self._made.other), self._made.caller
        return self.request(page_token=token, region=OTHER_REGION), "other-agency"

    def call(self, request: Message, caller: str) -> Message:
        """Calls the method."""
        service = self._method.containing_service
        kind = GetMessageClass(self._method.output_type)
        call = self._services.channel(service.full_name.split(".")[1], caller).unary_unary(
            f"/{service.full_name}/{self._method.name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=kind.FromString,
        )
        response: Message = call(request, timeout=CALL_SECONDS)
        return response


def _value(message: Any, path: str) -> object:
    for name in path.split("."):
        message = getattr(message, name)
    return message.SerializeToString() if isinstance(message, Message) else message

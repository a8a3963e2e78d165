"""A call on its way through the gate, and what is known of its method."""

import contextvars
import uuid
from collections.abc import Iterable
from time import perf_counter
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from yibao_common.process.metrics import MethodMetrics
from yibao_common.rpc.field_checks import is_repeated, most_items
from yibao_common.rpc.status import reason_of
from yibao_common.rpc.validation import Validator, answers_per_item
from yibao_common.values.caller import Caller, Role
from yibao_common.values.reasons import Reason

# A list of a request that holds so many rows, or more, costs by its rows.
_WEIGHING_ROWS = 1_000
# A method whose name begins so changes nothing.
READS = (
    *("Get", "List", "Search", "Describe", "Diff", "Explain"),
    *("Trial", "Validate", "Simulate", "Compare", "Check", "Watch"),
)
# Health and reflection answer any caller with a certificate, at any time.
_OPEN = ("/grpc.health.v1.Health/", "/grpc.reflection.")


def is_open(method: str) -> bool:
    """Tells whether a method is of health or reflection, not of our contract."""
    return method.startswith(_OPEN)


class Method:
    """What the gate knows of one method; `name` is `/package.Service/Method`."""

    def __init__(
        self,
        name: str,
        *,
        roles: frozenset[Role],
        descriptor: MethodDescriptor | None,
        metrics: MethodMetrics,
    ) -> None:
        """Compiles the rules of the request, where there is a descriptor."""
        self.name = name
        self.roles = roles
        self.is_open = is_open(name)
        self.metrics = metrics
        self.validator: Validator | None = None
        self.has_request_id = self.has_region = self.changes = self.answers_often = False
        self.has_items = self.items_are_calls = False
        # The list of the request whose rows weigh, of which there may be many: twenty are a call.
        self.weighing = ""
        if descriptor is not None:
            request = descriptor.input_type
            self.has_items = answers_per_item(descriptor.output_type)
            self.answers_often = descriptor.server_streaming
            self.changes = not descriptor.name.startswith(READS)
            self.validator = Validator(
                request, except_items=self.has_items, refuse_unknown=self.changes
            )
            self.has_request_id = "request_id" in request.fields_by_name
            self.has_region = "region" in request.fields_by_name
            # Rows of an import are one call: they share its request id and its transaction.
            self.items_are_calls = self.has_items and not self.has_request_id
            self.weighing = _weighing(request)


class ItemOutcome(NamedTuple):
    """How one item of a bulk call ended; `number` counts from 1, no reason is success."""

    number: int
    request_id: str
    reason: Reason | None


class Call:
    """One call: who made it, what limits its time, and how it and its items ended."""

    __slots__ = (
        "began",
        "caller",
        "code",
        "items",
        "limit_seconds",
        "method",
        "reason",
        "region",
        "request_id",
    )

    def __init__(self, method: Method) -> None:
        """Begins now; `limit_seconds` is set for a call without a deadline of its own."""
        self.method = method
        self.began = perf_counter()
        self.caller: Caller | None = None
        self.request_id = ""
        # As the request says; of a bulk call, that of its first item.
        self.region = ""
        self.limit_seconds: float | None = None
        self.code = "OK"
        self.reason = ""
        self.items: list[ItemOutcome] = []

    @property
    def party(self) -> str:
        """The party that calls, once the caller was found."""
        assert self.caller is not None, "the caller was found"
        return self.caller.party

    def facts(self) -> dict[str, object]:
        """Returns what a log line tells: nothing of the request but a well-formed id."""
        return {
            "method": self.method.name,
            "caller": self.caller.path if self.caller is not None else "",
            "code": self.code,
            "reason": self.reason,
            "milliseconds": round((perf_counter() - self.began) * 1_000, 3),
            "request_id": _uuid_or_nothing(self.request_id),
        }

    def item_facts(self, item: ItemOutcome, reason: Reason) -> dict[str, object]:
        """Returns what a log line tells of an item that was refused for `reason`."""
        return {
            "method": self.method.name,
            "caller": self.caller.path if self.caller is not None else "",
            "item": item.number,
            "code": reason.code.name,
            "reason": reason.name,
            "request_id": _uuid_or_nothing(item.request_id),
        }


_current: contextvars.ContextVar[Call] = contextvars.ContextVar("yibao_call")

# The gate sets it for a call with items, which tells how each of them ended.
set_current_call = _current.set


def tell_item(number: int, request_id: str, reason: Reason | None) -> None:
    """Tells the gate how an item of the call that is being served ended.

    `number` counts from 1; without a reason the item was not refused. It is counted and
    logged as a call of its own, also where the call is cut off later.
    """
    call = _current.get(None)
    if call is not None:
        call.items.append(ItemOutcome(number, request_id, reason))


def tell_results(request_id: str, results: Iterable[Any]) -> None:
    """Tells how each item of a call that is stored as one ended, of a repeat too.

    A result has an `error` where its item was refused.
    """
    for number, result in enumerate(results, 1):
        refused = result.HasField("error")
        tell_item(number, request_id, reason_of(result.error.reason) if refused else None)


def _weighing(request: Descriptor) -> str:
    """Returns the name of a list whose rows weigh; those of an import, `items`, do not."""
    for field in request.fields:
        is_list = is_repeated(field) and field.message_type is not None
        if is_list and field.name != "items" and most_items(field) >= _WEIGHING_ROWS:
            return field.name
    return ""


def _uuid_or_nothing(text: str) -> str:
    """Returns `text` if it is a UUID: a field that was refused may hold anything."""
    try:
        return text if str(uuid.UUID(text)) == text else ""
    except ValueError:
        return ""

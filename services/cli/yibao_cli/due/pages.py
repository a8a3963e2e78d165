"""How a list is asked for to its end."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an agency asks, for which region, and up to which day of Asia/Shanghai.

    Each answer is waited for `seconds` long.
    """

    channel: grpc.Channel
    region: str
    until: dt.date
    seconds: float

    def pages(self, ask: Callable[..., Any], request: Any, name: str) -> Iterator[Any]:
        """Yields what a list has in its field `name`, page by page. Raises grpc.RpcError."""
        request.page_size = _PAGE
        while True:
            answer = ask(request, timeout=self.seconds)
            yield from getattr(answer, name)
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

"""How the commands of `yibao account` ask a service and print what it answers."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.errors import error_of
from yibao_cli.call import REFUSED, UNUSABLE, print_answer, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document, tell_unusable
from yibao_common.process.config import StartError

SECONDS = 30.0
MessageT = TypeVar("MessageT", bound=Message)


def carry_out(err: Console, at: Connection, act: Callable[[grpc.Channel], int | None]) -> int:
    """Does something over a channel; returns its code, 1 where it was refused, 2 unreached."""
    try:
        channel = at.open()
        with channel:
            try:
                return act(channel) or 0
            except grpc.RpcError as error:
                show_refusal(err, error_of(error))
                return REFUSED
    except StartError as error:
        tell_unusable(str(error), err)
        return UNUSABLE


def show(out: Console, err: Console, at: Connection, ask: Callable[[grpc.Channel], Message]) -> int:
    """Prints an answer; returns as `carry_out`."""
    return carry_out(err, at, lambda channel: print_answer(out, ask(channel)))


def pages(ask: Callable[..., Any], request: Any, name: str) -> Iterator[Any]:
    """Yields what a list has in its field `name`, page by page."""
    while True:
        answer = ask(request, timeout=SECONDS)
        yield from getattr(answer, name)
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def print_list(
    out: Console, name: str, found: Iterator[MessageT], line: Callable[[MessageT], str]
) -> None:
    """Prints a line for each that is found, or the document of all of them."""
    if is_json():
        print_document(out, {name: [to_values(each) for each in found]})
        return
    count = 0
    for each in found:
        count += 1
        out.print(line(each), markup=False, soft_wrap=True, highlight=False)
    out.print(f"{count} {name}", markup=False)

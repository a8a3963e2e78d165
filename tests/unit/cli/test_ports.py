"""Ports are the usual ones where they are free, and never one twice."""

import socket

from yibao_cli.ports import HOST, choose_ports


def listen() -> socket.socket:
    held = socket.socket()
    held.bind((HOST, 0))
    held.listen(1)
    return held


def test_a_free_port_is_given_as_wanted() -> None:
    with listen() as held:
        port: int = held.getsockname()[1]
    assert choose_ports((port,)) == (port,)


def test_a_port_that_somebody_listens_on_is_replaced() -> None:
    with listen() as held:
        port: int = held.getsockname()[1]
        (chosen,) = choose_ports((port,))
    assert chosen != port


def test_no_port_is_chosen_twice() -> None:
    with listen() as held:
        port: int = held.getsockname()[1]
    chosen = choose_ports((port, port, None, None))
    assert chosen[0] == port
    assert len(set(chosen)) == 4


def test_a_chosen_port_is_free_again() -> None:
    ports = choose_ports((None, None))
    assert choose_ports(ports) == ports

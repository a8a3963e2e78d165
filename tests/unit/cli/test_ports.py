"""Ports are the usual ones where they are free, and never one twice."""

import socket

import pytest

from yibao_cli.ports import HOST, USUAL_PORTS, choose_ports, wanted_ports
from yibao_common.process.config import StartError


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


def test_a_fixed_port_is_wanted_and_the_usual_ones_beside_it() -> None:
    (port,) = choose_ports((None,))
    fixed = {"identity": port, "settlement": None, "offsite": None}
    assert wanted_ports(fixed) == (port, *USUAL_PORTS[1:])


def test_the_usual_port_of_another_service_is_left_to_whom_it_is_fixed_for() -> None:
    usual = USUAL_PORTS[0]
    if choose_ports((usual,)) != (usual,):
        pytest.skip("somebody listens on it")
    fixed = {"identity": None, "settlement": usual, "offsite": None}
    assert wanted_ports(fixed) == (None, usual, USUAL_PORTS[2])


def test_a_fixed_port_that_is_taken_or_given_twice_is_refused() -> None:
    with listen() as held:
        port: int = held.getsockname()[1]
        with pytest.raises(StartError, match=f"--offsite-port {port}: is taken"):
            wanted_ports({"identity": None, "settlement": None, "offsite": port})
    with pytest.raises(StartError, match="each service has a port of its own"):
        wanted_ports({"identity": port, "settlement": port, "offsite": None})

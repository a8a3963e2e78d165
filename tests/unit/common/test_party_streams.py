"""Streams of a party: so many at a time, of each party apart, and counted until they end."""

import contextlib

import pytest

from yibao_common.rpc.admission import RateLimitedError
from yibao_common.rpc.party_streams import PartyStreams


def test_a_party_has_so_many_at_a_time_whatever_others_have() -> None:
    streams = PartyStreams(2, kind="downloads of lists")
    with contextlib.ExitStack() as open_ones:
        for _ in range(2):
            open_ones.enter_context(streams.one_of("H1"))
        with pytest.raises(RateLimitedError, match="2 downloads of lists are open"):
            open_ones.enter_context(streams.one_of("H1"))
        with streams.one_of("H2"):
            pass
    # Also one that ended badly is over.
    for _ in range(3):
        with pytest.raises(KeyError), streams.one_of("H1"):
            raise KeyError

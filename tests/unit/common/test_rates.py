import pytest

from yibao_common.rpc.rates import RateLimits, TokenBucket


def bucket(burst: int = 2) -> TokenBucket:
    limits = RateLimits(rate_per_second=2, burst=burst)
    made = limits.bucket("institution/H50011200001", now=100)
    assert made is not None
    return made


def test_a_burst_passes_and_the_next_call_is_told_how_long_to_wait() -> None:
    tokens = bucket()
    assert [tokens.take(100), tokens.take(100)] == [0, 0]
    assert tokens.take(100) == 0.5


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    tokens = bucket()
    tokens.take(100)
    tokens.take(100)
    assert tokens.take(100.4) == pytest.approx(0.1)
    assert tokens.take(100.5) == 0
    assert tokens.take(100.5) == 0.5
    assert [tokens.take(200) for _ in range(3)] == [0, 0, 0.5]


def test_a_caller_has_one_bucket_and_another_caller_another() -> None:
    limits = RateLimits(rate_per_second=1, burst=1)
    first = limits.bucket("a", now=0)
    assert limits.bucket("a", now=5) is first
    assert limits.bucket("b", now=5) is not first


def test_without_a_rate_there_is_no_bucket() -> None:
    assert RateLimits(rate_per_second=0, burst=1).bucket("a", now=0) is None


def test_each_item_takes_a_token_and_more_than_the_burst_is_paid_for_later() -> None:
    tokens = bucket(burst=10)
    assert [tokens.take(100), tokens.take_more(100, 5)] == [0, 0]
    # Three are left, and none is taken of them.
    assert [tokens.take(100), tokens.take_more(100, 5)] == [0, 1.5]
    assert tokens.take_more(100, 3) == 0
    # A bulk that no bucket could hold passes with a full one, and what follows waits.
    assert [tokens.take(200), tokens.take_more(200, 29)] == [0, 0]
    assert tokens.take(200) == 10.5
    assert tokens.take(210.5) == 0


@pytest.mark.parametrize("burst", [1, 2, 10])
@pytest.mark.parametrize("items", [2, 9, 10, 11, 200])
def test_who_waits_as_told_is_let_in(burst: int, items: int) -> None:
    """The call itself takes a token each time that it comes."""
    tokens, now = bucket(burst), 100.0
    for _ in range(5):
        waits = 0
        while wait := tokens.take(now) or tokens.take_more(now, items - 1):
            # First for a token of its own, then for those of the items.
            waits += 1
            assert waits <= 2
            now += wait + 1e-9

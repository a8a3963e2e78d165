"""Tokens are judged before they reach the batch as codes are: by news, terminal and form."""

import datetime as dt
from typing import cast

import pytest

from yibao.settlement.v1.visit_pb2 import Presentation
from yibao.trust_store import TrustStore
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Code
from yibao_settlement.rules.token import PresentedToken, hash_of, token_of
from yibao_settlement.servicer.trust.holder import TrustHolder

REGION, OTHER_REGION, HOSPITAL = "999019", "999029", "H99901900001"
NOW = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
TOKEN = token_of(REGION, seed=bytes(16), contents=b"a request")
# Of a token none is asked: its code was verified when it was resolved.
NO_TRUST = cast("TrustStore", None)


def judged(
    token: str = TOKEN, *, caller: str = f"institution/{HOSPITAL}", is_stale: bool = False
) -> Code:
    def check_feed(region: str, now: dt.datetime) -> None:
        if is_stale:
            raise RuleError(Reason.FEED_STALE, "news are old", region=region, age_hours="25")

    return TrustHolder(NO_TRUST, check_feed=check_feed).judge(
        Presentation(credential_token=token, terminal_id="T1"),
        region=REGION,
        audience="01301",
        caller=parse_caller(caller),
        now=NOW,
    )


def test_a_token_is_handed_on_by_its_hash_with_what_it_is_for() -> None:
    assert judged() == PresentedToken(hash_of(TOKEN), "01301", "T1")


@pytest.mark.parametrize(
    ("caller", "is_stale", "reason"),
    [
        (f"terminal/{HOSPITAL}/T1", False, None),
        (f"terminal/{HOSPITAL}/T2", False, Reason.OUT_OF_SCOPE),
        # Who was suspended or died since would not be known.
        (f"institution/{HOSPITAL}", True, Reason.FEED_STALE),
    ],
)
def test_what_may_be_otherwise_at_a_repeat_is_refused_with_the_request(
    caller: str, is_stale: bool, reason: Reason | None
) -> None:
    """A repeated request gets its first answer, so the refusal comes along."""
    code = judged(caller=caller, is_stale=is_stale)
    assert (code.reason if isinstance(code, RuleError) else None) is reason


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("MT1-", Reason.TOKEN_MALFORMED),
        (
            token_of(OTHER_REGION, seed=bytes(16), contents=b"a request"),
            Reason.TOKEN_OTHER_REGION,
        ),
    ],
)
def test_what_is_never_taken_keeps_nobody_waiting(token: str, reason: Reason) -> None:
    with pytest.raises(RuleError) as caught:
        judged(token, is_stale=True)
    assert caught.value.reason is reason

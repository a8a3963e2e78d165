"""Tokens of codes that were resolved: what they look like, and who may use one for what."""

import datetime as dt
import re

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.token import (
    MOST_CHARACTERS,
    PresentedToken,
    ResolvedCode,
    check_form,
    check_token,
    hash_of,
    token_of,
)

REGION, OTHER_REGION = "999019", "999029"
HOSPITAL, OTHER_HOSPITAL = "H99901900001", "H99901900002"
NOW = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
MOMENT = dt.timedelta(microseconds=1)
SEED, CONTENTS = bytes(range(16)), b"all that a request says"
TOKEN = token_of(REGION, seed=SEED, contents=CONTENTS)
CODE = PresentedCode(
    REGION, "SUBJECT000001", "00112233aabbccdd", NOW, NOW, "T1", resolution_id="resolution"
)
RESOLVED = ResolvedCode(hash_of(TOKEN), CODE, "01301", HOSPITAL, NOW)
PRESENTED = PresentedToken(hash_of(TOKEN), "01301", "T2")


def test_a_token_is_short_says_its_region_and_survives_a_keyboard() -> None:
    assert len(TOKEN) == 39 < MOST_CHARACTERS
    assert re.fullmatch(f"MT1-{REGION}-[0-9A-HJKMNP-TV-Z]{{28}}", TOKEN)
    check_form(TOKEN, region=REGION)


def test_the_same_seed_and_request_have_the_same_token_and_others_have_others() -> None:
    assert token_of(REGION, seed=SEED, contents=CONTENTS) == TOKEN
    others = {
        token_of(REGION, seed=SEED[::-1], contents=CONTENTS),
        token_of(REGION, seed=SEED, contents=CONTENTS + b"!"),
        token_of(OTHER_REGION, seed=SEED, contents=CONTENTS),
    }
    assert len(others | {TOKEN}) == 4


def test_a_token_has_as_many_random_bits_as_nobody_guesses() -> None:
    """Each of its 26 characters takes every one of 32 values."""
    secrets = [
        token_of(REGION, seed=SEED, contents=str(number).encode())[11:37] for number in range(2_000)
    ]
    assert [len({secret[place] for secret in secrets}) for place in range(26)] == [32] * 26


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MT1-",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.lower(),
        TOKEN.replace("-", ""),
        TOKEN.replace("MT1", "MT2"),
        TOKEN.replace("MT1", "MI1"),
        TOKEN.replace(REGION, "099019"),
        TOKEN.replace(REGION, "99901"),
        TOKEN.replace(REGION, "９９９０１９"),
        f"{TOKEN}\n",
        f" {TOKEN}",
        TOKEN[:20] + "O" + TOKEN[21:],
        TOKEN[:20] + "\u0000" + TOKEN[21:],
        # Well formed, and copied wrongly: in the secret, the region and the check.
        TOKEN[:20] + ("1" if TOKEN[20] != "1" else "2") + TOKEN[21:],
        TOKEN[:20] + TOKEN[21] + TOKEN[20] + TOKEN[22:],
        TOKEN.replace(REGION, OTHER_REGION),
        TOKEN[:-1] + ("1" if TOKEN[-1] != "1" else "2"),
        "医保码",
        "M" * 50,
    ],
)
def test_what_is_no_token_is_refused_whatever_it_is(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        check_form(text, region=REGION)
    assert caught.value.reason is Reason.TOKEN_MALFORMED
    assert not text or text not in str(caught.value)


def test_a_token_of_another_region_says_so() -> None:
    with pytest.raises(RuleError) as caught:
        check_form(TOKEN, region=OTHER_REGION)
    assert caught.value.reason is Reason.TOKEN_OTHER_REGION
    assert caught.value.metadata == {"issuer": REGION, "region": OTHER_REGION}


def reason_of(
    *,
    presented: PresentedToken = PRESENTED,
    resolved: ResolvedCode | None = RESOLVED,
    institution_id: str = HOSPITAL,
    used: tuple[str, ...] = (),
    now: dt.datetime = NOW - MOMENT,
) -> Reason | None:
    try:
        check_token(presented, resolved, institution_id=institution_id, used=used, now=now)
    except RuleError as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"resolved": None}, Reason.TOKEN_NOT_FOUND),
        ({"institution_id": OTHER_HOSPITAL}, Reason.TOKEN_NOT_FOUND),
        ({"presented": PRESENTED._replace(audience="01101")}, Reason.TOKEN_WRONG_AUDIENCE),
        ({"used": ("resolution",)}, Reason.TOKEN_ALREADY_USED),
        ({"used": ("another",)}, None),
        # Its last moment is excluded.
        ({"now": NOW - MOMENT}, None),
        ({"now": NOW}, Reason.TOKEN_EXPIRED),
        ({"now": NOW + MOMENT}, Reason.TOKEN_EXPIRED),
        # Another terminal of the institution may use it.
        ({"presented": PRESENTED._replace(terminal_id="T9")}, None),
    ],
)
def test_a_token_is_taken_once_in_its_time_of_its_institution_for_its_business(
    changes: dict[str, object], reason: Reason | None
) -> None:
    assert reason_of(**changes) is reason  # type: ignore[arg-type]


def test_of_several_faults_the_first_in_the_order_of_the_contract_is_told() -> None:
    late, used = NOW + MOMENT, ("resolution",)
    other = PRESENTED._replace(audience="01101")
    elsewhere = {"institution_id": OTHER_HOSPITAL}
    told = reason_of(presented=other, used=used, now=late, **elsewhere)  # type: ignore[arg-type]
    assert told is Reason.TOKEN_NOT_FOUND
    assert reason_of(presented=other, used=used, now=late) is Reason.TOKEN_WRONG_AUDIENCE
    assert reason_of(used=used, now=late) is Reason.TOKEN_ALREADY_USED
    assert reason_of(now=late) is Reason.TOKEN_EXPIRED

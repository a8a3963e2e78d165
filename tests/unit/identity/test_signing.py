"""What the issuer signs, the SDK accepts; what it would not accept is not published."""

import datetime as dt

import pytest
from support.token_minting import CODE_ID, NOW, REGION, SUBJECT, key_id, private_key, public_key

from yibao import _base45, qr
from yibao.trust import TrustSnapshot
from yibao_identity.rules.code import new_claims
from yibao_identity.rules.trust.published import KeyState, ListedKey, TrustList
from yibao_identity.storage.trust.signing import TokenSigner, TrustSigner

DAY = dt.timedelta(days=1)
CODES = TokenSigner(private_key("active"))
TRUST = TrustSigner(private_key("trust"))


def listed(
    public: bytes, state: KeyState = KeyState.ACTIVE, killed_time: dt.datetime | None = None
) -> ListedKey:
    return ListedKey(public, frozenset({REGION}), NOW - DAY, NOW + DAY, state, killed_time)


def verified(data: bytes) -> TrustSnapshot:
    return TrustSnapshot.verify(data, trust_key=public_key("trust"), now=NOW)


def code() -> str:
    return CODES.sign_code(
        new_claims(issuer=REGION, subject=SUBJECT, audience="01301", now=NOW, code_id=CODE_ID)
    )


def test_a_signed_code_is_accepted_under_a_signed_snapshot() -> None:
    trust = verified(TRUST.sign_snapshot(TrustList(3, NOW, (listed(CODES.public_key),))))
    claims = qr.verify(code(), trust=trust, audience="01301", now=NOW)
    second = int(NOW.timestamp())
    assert claims == qr.Claims(
        "A", REGION, SUBJECT, "01301", second, second + 60, CODE_ID, CODES.key_id
    )


def test_a_code_has_138_bytes_in_211_characters() -> None:
    text = code()
    assert text.startswith("MI1-")
    assert (len(_base45.decode(text[4:])), len(text)) == (138, 211)


def test_a_snapshot_says_what_the_list_says() -> None:
    killed_time = NOW - DAY / 2
    keys = (
        listed(CODES.public_key),
        listed(public_key("next"), KeyState.NEXT),
        listed(public_key("retiring"), KeyState.RETIRING),
        listed(public_key("killed"), KeyState.KILLED, killed_time),
    )
    trust = verified(TRUST.sign_snapshot(TrustList(3, NOW, keys)))
    assert (trust.version, trust.issue_time) == (3, NOW)
    assert trust.expire_time == NOW + dt.timedelta(days=7)
    assert trust.refresh_after == dt.timedelta(hours=1)
    states = {key.public_key.public_bytes_raw(): key.state for key in trust.keys.values()}
    assert {public: state.name for public, state in states.items()} == {
        key.public_key: key.state.name for key in keys
    }


@pytest.mark.parametrize(
    "keys",
    [
        (listed(CODES.public_key), listed(CODES.public_key)),
        (listed(TRUST.public_key),),
        (listed(b"\x01" + bytes(31)),),
        (ListedKey(CODES.public_key, frozenset({"33"}), NOW, NOW + DAY, KeyState.ACTIVE),),
    ],
    ids=["a key twice", "the trust key", "a key of low order", "an issuer that is no region"],
)
def test_a_snapshot_that_verifiers_refuse_is_not_published(keys: tuple[ListedKey, ...]) -> None:
    with pytest.raises(qr.QrError) as refused:
        TRUST.sign_snapshot(TrustList(3, NOW, keys))
    assert refused.value.error == "malformed"


def test_a_signer_shows_its_key_id_and_nothing_else() -> None:
    assert repr(CODES) == f"TokenSigner({key_id('active').hex()})"
    assert CODES.key_id == key_id("active")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"keys": ()},
        {"life": 7 * DAY + dt.timedelta(seconds=1)},
        {"refresh_after": dt.timedelta()},
        {"life": DAY, "refresh_after": 2 * DAY},
    ],
)
def test_a_list_must_have_a_version_keys_and_a_life_within_the_hard_age(
    change: dict[str, object],
) -> None:
    values: dict[str, object] = {
        "version": 1,
        "issue_time": NOW,
        "keys": (listed(CODES.public_key),),
    }
    with pytest.raises(AssertionError):
        TrustList(**(values | change))  # type: ignore[arg-type]


def test_a_killed_key_has_the_time_of_its_end_and_others_have_none() -> None:
    with pytest.raises(AssertionError):
        listed(CODES.public_key, KeyState.KILLED)
    with pytest.raises(AssertionError):
        listed(CODES.public_key, KeyState.ACTIVE, NOW)

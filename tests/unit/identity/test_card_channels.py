"""Which way a credential may be used, where cards are activated, and whose money it is."""

import itertools

import pytest

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import ActivationChannel
from yibao_identity.rules.channel import (
    Channel,
    activation_channel,
    channel_of_use,
    check_counter,
    check_use,
)
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.financial_operation import FinancialOperation, Purse, check_operation

CALLERS = {
    "agency": "agency/500100/wang",
    "bank": "bank/500100/CCB001/sun",
    "hospital": "terminal/H50011200001/T1",
    "hospital itself": "institution/H50011200001",
    "pharmacy": "terminal/P50011200001/T1",
    "channel": "channel/wallet",
}
ALLOWED_USES = {
    (CredentialKind.ECERT, Channel.QR),
    (CredentialKind.ECERT, Channel.ONLINE),
    (CredentialKind.CARD, Channel.SWIPE),
}
ACTIVATIONS = {
    ("agency", Channel.COUNTER): ActivationChannel.SERVICE_CENTRE,
    ("bank", Channel.COUNTER): ActivationChannel.BANK,
    ("hospital", Channel.HOSPITAL): ActivationChannel.HOSPITAL,
    ("hospital itself", Channel.HOSPITAL): ActivationChannel.HOSPITAL,
    ("pharmacy", Channel.PHARMACY): ActivationChannel.PHARMACY,
}


@pytest.mark.parametrize(("kind", "channel"), list(itertools.product(CredentialKind, Channel)))
def test_an_e_certificate_is_shown_and_a_card_is_swiped(
    kind: CredentialKind, channel: Channel
) -> None:
    """I-07, I-08: the channel matrix by type of credential."""
    if (kind, channel) in ALLOWED_USES:
        check_use(kind, channel)
        return
    with pytest.raises(RuleError) as caught:
        check_use(kind, channel)
    assert caught.value.reason is Reason.CHANNEL_NOT_ALLOWED
    assert caught.value.metadata == {"channel": channel.value}


@pytest.mark.parametrize(
    ("caller", "audience", "channel"),
    [
        ("hospital", "01301", Channel.SWIPE),
        ("pharmacy", "02121", Channel.SWIPE),
        ("hospital itself", "01101", Channel.SWIPE),
        ("hospital", "03132", Channel.ONLINE),
        ("channel", "01301", Channel.ONLINE),
        ("channel", "03132", Channel.ONLINE),
    ],
)
def test_a_swipe_is_at_a_terminal_and_for_what_happens_there(
    caller: str, audience: str, channel: Channel
) -> None:
    """I-07: nobody swipes a card in an app."""
    assert channel_of_use(parse_caller(CALLERS[caller]), audience) is channel


@pytest.mark.parametrize(
    ("caller", "evidence"),
    list(itertools.product(CALLERS, [Channel.COUNTER, Channel.HOSPITAL, Channel.PHARMACY])),
)
def test_each_place_activates_with_its_own_evidence(caller: str, evidence: Channel) -> None:
    """I-24: bank; I-25: hospital; I-26: pharmacy; I-27: service centre. No app, ever."""
    who = parse_caller(CALLERS[caller])
    expected = ACTIVATIONS.get((caller, evidence))
    if expected is not None:
        assert activation_channel(who, evidence) is expected
        return
    with pytest.raises(RuleError) as caught:
        activation_channel(who, evidence)
    assert caught.value.reason is Reason.CHANNEL_NOT_ALLOWED
    assert caught.value.metadata == {"channel": evidence.value}


def test_a_forgotten_pin_is_for_a_counter() -> None:
    """I-15: not by telephone."""
    check_counter(parse_caller(CALLERS["agency"]))
    check_counter(parse_caller(CALLERS["bank"]))
    with pytest.raises(RuleError) as caught:
        check_counter(parse_caller(CALLERS["channel"]))
    assert caught.value.reason is Reason.CHANNEL_NOT_ALLOWED
    assert caught.value.metadata == {"channel": "PHONE"}


MEDICAL, FINANCIAL = Purse.MEDICAL_ACCOUNT, Purse.FINANCIAL_ACCOUNT
DEPOSIT, WITHDRAW, TRANSFER = FinancialOperation


@pytest.mark.parametrize(
    ("purse", "operation", "card_bank", "caller_bank", "reason"),
    [
        *((MEDICAL, WITHDRAW, card, "A", Reason.CASH_WITHDRAWAL_FORBIDDEN) for card in ("A", None)),
        *((MEDICAL, TRANSFER, card, "A", Reason.CASH_WITHDRAWAL_FORBIDDEN) for card in ("A", None)),
        *((MEDICAL, DEPOSIT, card, "A", Reason.FIELD_OUT_OF_RANGE) for card in ("A", None)),
        *((FINANCIAL, each, None, "A", Reason.NO_FINANCIAL_ACCOUNT) for each in FinancialOperation),
        *(
            (FINANCIAL, each, "A", "B", Reason.BANK_ACCOUNT_ELSEWHERE)
            for each in FinancialOperation
        ),
        *(
            (FINANCIAL, each, "A", None, Reason.BANK_ACCOUNT_ELSEWHERE)
            for each in FinancialOperation
        ),
        *((FINANCIAL, each, "A", "A", None) for each in FinancialOperation),
    ],
)
def test_each_purse_has_its_place(
    purse: Purse,
    operation: FinancialOperation,
    card_bank: str | None,
    caller_bank: str | None,
    reason: Reason | None,
) -> None:
    """I-09: an e-certificate has no financial account, a card's is at its bank; I-10: no
    cash from the medical account, and no transfer.
    """
    asked = {"card_bank": card_bank, "caller_bank": caller_bank}
    if reason is None:
        assert check_operation(purse, operation, **asked) == card_bank
        return
    with pytest.raises(RuleError) as caught:
        check_operation(purse, operation, **asked)
    assert caught.value.reason is reason
    is_elsewhere = reason is Reason.BANK_ACCOUNT_ELSEWHERE
    assert caught.value.metadata == ({"bank_code": "A"} if is_elsewhere else {})


def test_a_recharge_is_sent_where_it_belongs() -> None:
    """I-10: paying in is another call, and the refusal says which."""
    with pytest.raises(RuleError) as caught:
        check_operation(MEDICAL, DEPOSIT, card_bank="A", caller_bank="A")
    (fault,) = caught.value.faults
    assert fault.field == "operation"
    assert "AccountService.CreditAccount" in fault.message

"""Inputs of a sandbox that are refused for a reason: magic values, for who tries a client.

Most are data that naturally lead there. A reason that no data of a fresh sandbox reach is answered
to a request that asks for it by a text in any of its fields, such as `REFUSE-DATABASE_UNAVAILABLE`
(`yibao_common.rpc.sandbox_refusals`), which works for every reason.

To add one: a row here, what it does in `tests/support/magic_counter.py`, and `make docs-reference`.
"""

from dataclasses import dataclass

from yibao_cli.samples.persons import WRONG_PIN
from yibao_cli.samples.region import CLOSED_ID, WITHOUT_ECERT_ID
from yibao_common.rpc.sandbox_refusals import PREFIX
from yibao_common.values.reasons import Reason

# Of `provider_visit_number`, `bill_number` and their like.
_SHORTEST_FIELD = 32
# How a person of `samples.json` is named here.
_CARD = "the card of person `{}`"


@dataclass(frozen=True, slots=True)
class MagicValue:
    """What is refused: which method, with which input, and for which reason."""

    reason: Reason
    method: str
    input: str


def _card(label: str) -> str:
    return _CARD.format(label)


_AUTHORIZE, _REGISTER, _SETTLE = "AuthorizeCard", "RegisterVisit", "SettleBill"
NATURAL: tuple[MagicValue, ...] = tuple(
    MagicValue(reason, method, input_)
    for reason, method, input_ in (
        # Who calls, and how.
        (Reason.CALLER_NOT_ALLOWED, "CreditAccount", "called with a hospital's certificate"),
        (Reason.OUT_OF_SCOPE, "ListVisits", "`institution_id` of another institution"),
        (Reason.REQUEST_ID_REUSED, "CancelVisit", "a `request_id` again, with another visit"),
        (Reason.REQUEST_FENCED, _REGISTER, "a `request_id` that ResolveRequest was asked for"),
        (Reason.DEADLINE_INVALID, "GetVisit", "a deadline of an hour"),
        (Reason.MESSAGE_TOO_LARGE, _REGISTER, "over 1,000,000 bytes"),
        (Reason.FIELD_REQUIRED, "GetVisit", "neither `visit_id` nor `provider_visit_number`"),
        (Reason.FIELD_MALFORMED, "GetVisit", "`visit_id` `12345`"),
        # Cards and their PINs: the terminal of the home region.
        (Reason.CARD_NOT_FOUND, _AUTHORIZE, "`card_serial` `S00000000000000`"),
        (Reason.CARD_NOT_ACTIVATED, _AUTHORIZE, _card("card-not-activated")),
        (Reason.CARD_REPORTED_LOST, _AUTHORIZE, _card("card-reported-lost")),
        (Reason.CARD_SUSPENDED, _AUTHORIZE, _card("card-suspended")),
        (Reason.CARD_CLOSED, _AUTHORIZE, _card("card-closed")),
        (Reason.PIN_NOT_SET, _AUTHORIZE, _card("card-no-pin-set")),
        (Reason.PIN_REPORTED_LOST, _AUTHORIZE, _card("card-pin-reported-lost")),
        (Reason.PIN_LOCKED, _AUTHORIZE, _card("card-pin-locked")),
        (Reason.PIN_INCORRECT, _AUTHORIZE, f"the card of `11` with the PIN `{WRONG_PIN}`"),
        (Reason.ORIGINAL_REQUIRED, _AUTHORIZE, "no `chip`"),
        (Reason.CLOCK_SUSPECT, _AUTHORIZE, "`chip.read_time` an hour ahead"),
        (Reason.CREDENTIAL_NOT_FOUND, "ReportMisuse", "`subject` `0000000000000`"),
        # Codes and tokens.
        (Reason.QR_MALFORMED, _REGISTER, "`qr_text` `HELLO`"),
        (Reason.QR_ALREADY_USED, _REGISTER, "a code that registered a visit before"),
        (Reason.QR_WRONG_AUDIENCE, _REGISTER, "a code for `01301`, which is for settling"),
        (Reason.QR_OTHER_REGION, _REGISTER, "a code of person `11` of another region"),
        (Reason.TOKEN_MALFORMED, _REGISTER, "`credential_token` `HELLO`"),
        (Reason.TOKEN_ALREADY_USED, _REGISTER, "a token that registered a visit before"),
        (Reason.TOKEN_WRONG_AUDIENCE, _REGISTER, "a token that was resolved for `01301`"),
        # Persons and institutions.
        (Reason.INSTITUTION_NOT_DESIGNATED, _REGISTER, f"hospital {CLOSED_ID}"),
        (Reason.INSTITUTION_NO_ECERT, _REGISTER, f"hospital {WITHOUT_ECERT_ID}"),
        (Reason.PERSON_NOT_ENROLLED, _REGISTER, "a code of person `cover-ended`"),
        (Reason.POLICY_NOT_FOUND, _SETTLE, "person `without-policy`"),
        (Reason.POLICY_NO_MATCHING_ROW, _SETTLE, "a visit of care type `51`"),
        # Visits.
        (Reason.CARE_TYPE_UNKNOWN, _REGISTER, "`care_type` `9999`"),
        (Reason.CARE_TYPE_NOT_ALLOWED, _REGISTER, "`care_type` `2101` at the pharmacy"),
        (Reason.VISIT_DATE_INVALID, _REGISTER, "`start_date` tomorrow"),
        (Reason.VISIT_EXISTS, _REGISTER, "a `provider_visit_number` again"),
        (Reason.VISIT_NOT_FOUND, "GetVisit", "a `visit_id` that nobody was given"),
        (Reason.VISIT_CANCELLED, "UpdateVisit", "a visit that was cancelled"),
        (Reason.VISIT_SETTLED, "CancelVisit", "a visit with a settled bill"),
        (Reason.VISIT_DISCHARGED, "DischargeVisit", "a stay that was discharged"),
        (Reason.DISCHARGE_DATE_INVALID, "DischargeVisit", "`end_date` tomorrow"),
        (Reason.STAY_OPEN_ELSEWHERE, _REGISTER, "a second stay of a person, elsewhere"),
        (Reason.TRANSFER_INVALID, _REGISTER, "`transfer_from_visit_id` of a visit still open"),
        (Reason.MAIN_DIAGNOSIS_INVALID, _REGISTER, "two diagnoses that are both the main one"),
        (Reason.OPERATION_DATE_INVALID, _REGISTER, "an operation of tomorrow"),
        (Reason.VISIT_INCOMPLETE, _SETTLE, "a stay that was discharged without a diagnosis"),
        (Reason.INTERIM_NOT_ALLOWED, _SETTLE, "`is_interim` of a stay that was discharged"),
        # Bills.
        (Reason.CATALOGUE_ITEM_UNKNOWN, "GetCatalogueItem", "`item_code` `NOTHING`"),
        (Reason.BILL_TOTAL_MISMATCH, _SETTLE, "`total_fen` a fen above the sum of the lines"),
        (Reason.LINE_NUMBER_REPEATED, _SETTLE, "two lines with `line_number` 1"),
        (Reason.SERVICE_DATE_INVALID, _SETTLE, "`service_date` before the visit began"),
        (Reason.BILL_ALREADY_SETTLED, _SETTLE, "a `bill_number` of the visit again"),
        (Reason.LINES_ALREADY_SETTLED, _SETTLE, "the lines of a settled bill, as another bill"),
        (Reason.AMOUNTS_NOT_AS_EXPECTED, _SETTLE, "`expected.cash_fen` 1"),
        (Reason.LINE_NOT_FOUND, "CancelLines", "a `line_id` that was not uploaded"),
        (Reason.SETTLEMENT_NOT_FOUND, "GetSettlement", "a `settlement_id` that nobody was given"),
        (Reason.SETTLEMENT_REVERSED, "ReverseSettlement", "a settlement that was reversed"),
        (Reason.HOLD_NOT_FOUND, "GetHold", "a `hold_id` that nobody was given"),
        (Reason.HOLD_RELEASED, "ConfirmHold", "a hold that was released"),
        (Reason.HOLD_CONFIRMED, "ReleaseHold", "a hold that was confirmed"),
        (Reason.REVIEW_NOT_FOUND, "GetReview", "a `review_id` that nobody was given"),
        (Reason.POLICY_VERSION_UNKNOWN, "GetPolicy", "`policy_version` of 64 zeros"),
        (Reason.TRUST_ROOT_NOT_FOUND, "GetTrustRoot", "`version` 99"),
        (Reason.STATUS_LIST_NOT_FOUND, "GetStatusList", "`uri` `nothing`"),
    )
)


def magic_text(reason: Reason) -> str:
    """Returns the text that is refused for a reason, in any field of a request."""
    text = f"{PREFIX}{reason.name}"
    # By its number where the institution's own numbers could not hold it.
    return text if len(text) <= _SHORTEST_FIELD else f"{PREFIX}{reason.value}"


def refusal_documents() -> list[dict[str, str | int]]:
    """Returns the list as programs are told it: what is not in it is asked for by its text."""
    return [
        {
            "reason": each.reason.name,
            "number": each.reason.value,
            "method": each.method,
            "input": each.input,
        }
        for each in NATURAL
    ]


def refusals_table() -> str:
    """Returns the list as the table of `docs/coding/sandbox.md`."""
    rows = [f"| `{each.reason.name}` | {each.method} | {each.input} |" for each in NATURAL]
    return "\n".join(("| reason | method | input |", "| --- | --- | --- |", *rows))

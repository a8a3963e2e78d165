"""Codes for the minutes to come in the database: rows first, once by request id."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import EcertDesk

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.code.ahead import IssueCodeBatch
from yibao_identity.storage import tables

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    return EcertDesk(databases.open("yibao_identity"))


def test_each_code_has_its_row_and_its_minute(desk: EcertDesk) -> None:
    """I-01: a code a minute, none valid before its own."""
    certificate = desk.activate()
    claims = desk.issue_batch(certificate.certificate_id, 60)
    assert {each.subject for each in claims} == {certificate.subject}
    with desk.database.read() as connection:
        query = sa.select(tables.issued_code).order_by(tables.issued_code.c.issue_time)
        rows = connection.execute(query).all()
    stored = [(row.code_id, int(row.issue_time.timestamp())) for row in rows]
    assert stored == [(each.code_id.hex(), each.issue_second) for each in claims]
    starts = [each.issue_second for each in claims]
    assert starts == list(range(starts[0], starts[0] + 3_600, 60))
    assert {(row.issued_to, row.shown_by) for row in rows} == {("channel/wallet", None)}
    last = desk.audit()[-1]
    assert (last.method, last.detail) == ("IssueQrCodeBatch", "codes=60")


def test_a_repeat_gets_the_same_codes(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id
    request = desk.asked("IssueQrCodeBatch")
    first = desk.issue_batch(certificate_id, request=request)
    desk.clock.now += MINUTE
    assert desk.issue_batch(certificate_id, request=request) == first
    assert desk.count(tables.issued_code) == len(first)


def test_nothing_is_stored_where_signing_fails(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id

    def encode(claims: object) -> bytes:
        raise ConnectionError

    request = desk.asked("IssueQrCodeBatch")
    command = IssueCodeBatch(request, certificate_id, "01301", 2)
    with pytest.raises(ConnectionError):
        desk.batches.issue(command, encode)
    assert desk.count(tables.issued_code) == 0


def test_batches_are_off_unless_the_operator_turns_them_on(databases: Databases) -> None:
    desk = EcertDesk(databases.open("yibao_identity"), batch_codes=0)
    certificate_id = desk.activate().certificate_id
    with pytest.raises(RuleError) as refused:
        desk.issue_batch(certificate_id, 1)
    assert refused.value.reason is Reason.QR_BATCH_DISABLED
    assert desk.count(tables.issued_code) == 0


@pytest.mark.parametrize(
    ("minutes_left", "codes", "is_refused"), [(3, 3, False), (3, 4, True), (1, 1, False)]
)
def test_no_code_is_signed_for_a_minute_in_which_the_key_has_ended(
    desk: EcertDesk, minutes_left: int, codes: int, is_refused: bool
) -> None:
    certificate_id = desk.activate().certificate_id
    desk.key_expire_time = desk.clock.now + minutes_left * MINUTE
    if not is_refused:
        assert len(desk.issue_batch(certificate_id, codes)) == codes
        return
    with pytest.raises(RuleError) as refused:
        desk.issue_batch(certificate_id, codes)
    assert refused.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in refused.value.faults] == ["codes"]


def test_an_ended_key_signs_nothing(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id
    desk.key_expire_time = desk.clock.now
    with pytest.raises(RuleError) as caught:
        desk.issue_batch(certificate_id, 1)
    assert caught.value.reason is Reason.NO_SIGNING_KEY


def test_only_the_holder_of_an_active_certificate_gets_a_batch(desk: EcertDesk) -> None:
    certificate, stranger = desk.activate(), desk.activate()
    with pytest.raises(RuleError) as refused:
        desk.issue_batch(certificate.certificate_id, caller=f"holder/{stranger.certificate_id}")
    assert refused.value.reason is Reason.OUT_OF_SCOPE
    assert desk.audit()[-1].outcome == "OUT_OF_SCOPE"
    with pytest.raises(RuleError) as missing:
        desk.issue_batch(new_id())
    assert missing.value.reason is Reason.CERTIFICATE_NOT_FOUND
    desk.close(certificate.certificate_id)
    with pytest.raises(RuleError) as closed:
        desk.issue_batch(certificate.certificate_id)
    assert closed.value.reason is Reason.ECERT_NOT_ACTIVATED
    assert desk.count(tables.issued_code) == 0

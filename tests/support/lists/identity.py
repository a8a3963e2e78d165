"""Lists of identity: what stands behind an item is asked for by the item, without tokens."""

from collections.abc import Callable, Sequence

from support.both_services import CALL_SECONDS
from support.identity_world import registration
from support.lists.paged import Made, Shop
from support.lists.rows import BEGIN, moment
from support.settlement_world import REGION

from yibao.identity.v1 import card_service_pb2 as cards
from yibao.identity.v1 import misuse_messages_pb2 as misuse
from yibao.identity.v1 import misuse_pb2, person_pb2
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables


def merges(shop: Shop) -> Made:
    """Proposals, some of which were made at one moment."""

    def make(ranks: Sequence[int]) -> None:
        rows = [{"merge_id": shop.id(rank), "propose_time": moment(rank)} for rank in ranks]
        shop.insert(tables.person_merge, [{**row, "state": 1} for row in rows])

    def reject(rank: int) -> None:
        key = {"merge_id": shop.id(rank)}
        shop.change(tables.person_merge, key, state=3, decide_time=BEGIN)

    return Made({"state": 1}, make, ("merge_id",), reject, behind=("before_merge_id", "merge_id"))


def misuse_cases(shop: Shop) -> Made:
    """Cases of one certificate, the newest first."""
    _, _, subject = shop.services.person(is_waited_for=False)
    stub = shop.services.certificates("maker")
    case_ids: dict[int, str] = {}

    def make(ranks: Sequence[int]) -> None:
        for rank in ranks:
            request = misuse.ReportMisuseRequest(
                request_id=new_id(),
                region=REGION,
                subject=subject,
                kind=misuse_pb2.MISUSE_KIND_LENT,
                description="出借",
            )
            case_ids[rank] = stub.ReportMisuse(request, timeout=CALL_SECONDS).case_id

    def dismiss(rank: int) -> None:
        key = {"case_id": case_ids[rank]}
        shop.change(tables.misuse_case, key, state=4, decide_time=BEGIN)

    return Made({"state": 1}, make, ("case_id",), dismiss, behind=("before_case_id", "case_id"))


def audit_events(shop: Shop) -> Made:
    make = _registrations(shop)
    return Made({}, make, ("sequence",), behind=("after_sequence", "sequence"))


def enrolment_changes(shop: Shop) -> Made:
    make = _registrations(shop)
    return Made(
        {"after_sequence": 0},
        make,
        ("sequence",),
        caller="settlement-server",
        behind=("after_sequence", "sequence"),
    )


def _registrations(shop: Shop) -> Callable[[Sequence[int]], None]:
    services = shop.services

    def make(ranks: Sequence[int]) -> None:
        for _ in ranks:
            request = registration(services.new_number(), region=REGION)
            services.persons().RegisterPerson(request, timeout=CALL_SECONDS)

    return make


def card_transactions(shop: Shop) -> Made:
    services = shop.services
    registered = registration(services.new_number(), region=REGION)
    person = services.persons().RegisterPerson(registered, timeout=CALL_SECONDS).person
    request = cards.IssueCardRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person.person_id,
        card_serial=f"S{new_id()[-12:]}",
        chip_number=f"C{new_id()[-12:]}",
        standard_version="3",
        bank_code="CCB001",
    )
    card_id = services.cards().IssueCard(request, timeout=CALL_SECONDS).card.card_id

    def make(ranks: Sequence[int]) -> None:
        rows = [{"card_id": card_id, "sequence": rank} for rank in ranks]
        shop.insert(tables.card_transaction, rows)

    document = person_pb2.ShownDocument(
        certificate_type=registered.certificate_type,
        certificate_number=registered.certificate_number,
    )
    asked = {"card_id": card_id, "is_original_card_shown": True, "document": document}
    return Made(asked, make, ("sequence",), behind=("after_sequence", "sequence"))

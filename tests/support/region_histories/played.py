"""The persons of a generated region in the service, who do what the model's persons do."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from support.benefit_cases.cases import text_of
from support.benefit_world import DIAGNOSES, put_policy
from support.databases import Databases
from support.history_model.bills import Bill as ModelBill
from support.history_model.operations import (
    Credit,
    Hold,
    Interim,
    MoveDue,
    OfPerson,
    OfSettlement,
    Operation,
    SettleDifference,
)
from support.holds import hold
from support.played_histories import INSTITUTIONS, Played
from support.played_returns import given_of, of_service
from support.settlement_parts import transactions_of
from support.settlement_world import REGION, FakeClock, World

from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.work import Work
from yibao_settlement.rules.bill import Bill, CatalogueItem, ChargedLine, LineDetails
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.refund import RefundOrder
from yibao_settlement.rules.visit import Institution

from .cases import AMENDED, FIRST, RegionCase

# Before every bill.
SINCE = dt.date(2022, 1, 1)
# That of generated policies.
INSURANCE_TYPE = "310"
# What an item is: class, share in ppm, group, and the limit of a unit in millionths of a yuan.
Kind = tuple[str, int | None, str, int | None]


@dataclass(slots=True)
class PlayedRegion(Played):
    """Two persons under a generated policy."""

    # Both by their names in the model.
    persons: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    items: dict[Kind, str] = field(default_factory=dict)
    # The policies as files.
    texts: dict[str, str] = field(default_factory=dict)

    def names(self) -> dict[str, str]:
        return {person_id: name for name, person_id in self.persons.items()}

    def run(self, operation: Operation) -> int:
        match operation:
            case OfPerson() | Credit() | MoveDue() | SettleDifference():
                self.person = self.persons[operation.person_id]
            case OfSettlement():
                self.person = self.persons[self.owners[operation.settlement_id]]
            case _:
                pass
        # In the model whatever comes next ends everybody's holds that have run out.
        expired = [ExpireHolds.of(REGION, person) for person in self.persons.values()]
        assert self.world.work(REGION, expired) == [b""] * len(expired)
        match operation:
            case OfPerson():
                self.owners[operation.op_id] = operation.person_id
                self._settle(operation)
                return 0
            case _:
                return Played.run(self, operation)

    def settled_in_place(self, op_id: str, settlement_id: str, *, of: str) -> None:
        Played.settled_in_place(self, op_id, settlement_id, of=of)
        self.owners[op_id] = self.owners[of]

    def _settle(self, operation: OfPerson) -> None:
        world, person, words = self.world, self.person, operation.bill.words
        institution = INSTITUTIONS[operation.institution_id]
        visit = operation.bill.visit_id
        if visit not in self.visits:
            self.visits[visit] = self._registered(operation, institution)
        visit_id = self.visits[visit]
        if words["last"] and words["facts"]["care_type"].startswith("2"):
            told = {"end_date": words["date"], "institution_id": institution}
            world.run(world.discharge_command(visit_id, **told))
        bill = Bill(
            visit_id,
            operation.op_id,
            words["date"],
            self.charged(operation.bill),
            operation.bill.amount_fen,
            operation.bill.account_used,
            is_interim=isinstance(operation, Interim),
            given=given_of(operation.bill),
        )
        asked: dict[str, Any] = {"bill": bill, "institution_id": institution}
        if isinstance(operation, Hold):
            valid_for = dt.timedelta(seconds=operation.seconds)
            one = hold(world, visit_id, person, valid_for=valid_for, **asked)
            self.held[operation.op_id] = one.hold_id
        else:
            settlement = world.settle(visit_id, person, **asked)
            self.settled[operation.op_id] = settlement.settlement_id
        self.institution_of[operation.op_id] = institution

    def _registered(self, operation: OfPerson, institution: str) -> str:
        words = operation.bill.words
        former = words.get("transfer_from")
        return self.world.register(
            self.person,
            institution_id=institution,
            care_type=words["facts"]["care_type"],
            start_date=words["admitted"],
            facts=CareFacts(diagnoses=DIAGNOSES, disease_code=words["facts"]["disease"]),
            transfer_from_visit_id=None if former is None else self.visits[former],
        )

    def charged(self, bill: ModelBill) -> tuple[ChargedLine, ...]:
        """Returns the lines as an institution charges them, of items that say what they are."""
        return tuple(
            ChargedLine(
                number,
                self.items[kind_of(line.words, line.ceiling_micro)],
                f"{Decimal(line.price_micro) / 1_000_000:f}",
                f"{Decimal(line.quantity) / 10_000:f}",
                line.amount_fen,
                LineDetails(charge_date=line.words["date"]) if "date" in line.words else None,
            )
            for number, line in enumerate(bill.lines, 1)
        )

    def switch(self) -> None:
        """Lets the amended policy decide bills of all days."""
        put_policy(self.world, self.texts[AMENDED])


def kind_of(words: Any, ceiling_micro: int | None) -> Kind:
    """Returns what the item of a line is."""
    return words["class"], words.get("share_ppm"), words.get("item_group", ""), ceiling_micro


def played_region(databases: Databases, case: RegionCase) -> PlayedRegion:
    """Returns the region of a case in the service, before anything happens."""
    texts = {name: _text(case, name) for name in (FIRST, AMENDED)}
    clock = FakeClock(dt.datetime(2023, 1, 1, 4, tzinfo=dt.UTC))
    world = World(
        databases.open("yibao_settlement"), clock=clock, policy_file=texts[FIRST].encode()
    )
    played = PlayedRegion(
        world,
        "",
        refund_order=RefundOrder(case.region.refund_order.value),
        newest_first=case.region.newest_first,
        own_debts=of_service(case.region.own_debts),
        items=_items(case),
        texts=texts,
    )
    _put_catalogue(played, case)
    for name, insured in case.insured.items():
        (played.persons[name],) = world.enrol(
            birth_date=insured.birth_date,
            enrolments=insured.enrolments(world.period(insurance_type=INSURANCE_TYPE)),
            diseases=insured.registered(),
        )
        played.person = played.persons[name]
    return played


def _text(case: RegionCase, name: str) -> str:
    start = SINCE if name == FIRST else case.policies[name]["start_date"]
    told = {"policy_id": name, "region": REGION, "start_date": start}
    return text_of({**case.policies[name], **told})


def _items(case: RegionCase) -> dict[Kind, str]:
    """Returns the codes of all items that the case or a correction of it may charge."""
    kinds: dict[Kind, str] = {}
    for bills in case.bills.values():
        for _, bill in bills:
            for line in bill.lines:
                words = [dict(line.words)]
                words += [
                    {**line.words, "class": each, "share_ppm": 100_000}
                    for each in ("01", "02", "03")
                ]
                for each in words:
                    kinds.setdefault(kind_of(each, line.ceiling_micro), f"I{len(kinds)}")
    return kinds


def _put_catalogue(played: PlayedRegion, case: RegionCase) -> None:
    items = [
        CatalogueItem(
            code,
            code,
            item_class,
            share_ppm,
            "" if ceiling is None else f"{Decimal(ceiling) / 1_000_000:f}",
            SINCE,
            None,
            item_group=group,
        )
        for (item_class, share_ppm, group, ceiling), code in played.items.items()
    ]
    institutions = [
        Institution(INSTITUTIONS[name], name, level, True, SINCE, None)
        for name, level in case.levels.items()
    ]

    def put(work: Work) -> None:
        work.catalogue.put_institutions(institutions)
        work.catalogue.put_items(items)
        work.reference.raise_epoch()

    transactions_of(played.world.database).change(REGION, put)

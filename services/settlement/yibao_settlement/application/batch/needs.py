"""What commands name, so that a batch finds, locks and reads it for all of them at once."""

import datetime as dt
from collections.abc import Collection, Iterable
from itertools import chain
from typing import NamedTuple

from yibao_settlement.rules.credit.credit import CreditKey


class Needs(NamedTuple):
    """The keys that commands name, by kind; a command states those that it needs.

    A named tuple, because one is made for every command.
    """

    # Visits with their persons, and the bills of them that are settled.
    visit_ids: Collection[str] = ()
    # Settlements in full, with who was treated or stands in that person's place.
    settlement_ids: Collection[str] = ()
    # Settlements that may leave, so that the person's later bills are decided again.
    leaving_settlement_ids: Collection[str] = ()
    # Those of them whose later bills may be restated, with their lines and cases.
    restating_settlement_ids: Collection[str] = ()
    # Requests that must not be carried out again, however long their answers are gone.
    postings_of: Collection[str] = ()
    # Persons themselves.
    person_ids: Collection[str] = ()
    # Subjects of codes whose holders are not known yet: a visit is registered for them.
    holder_subjects: Collection[str] = ()
    # Subjects of codes, for the state of their credentials.
    subjects: Collection[str] = ()
    # Codes, for whether they were used.
    code_ids: Collection[str] = ()
    # Institutions' own numbers of visits.
    visit_numbers: Collection[str] = ()
    # Visits whose lines with ids concern what is decided.
    charged_visit_ids: Collection[str] = ()
    # Those of the holders whose undischarged stays decide, with the bills of these.
    stay_subjects: Collection[str] = ()
    # Visits whose persons' undischarged stays decide, and which visits continue them.
    stay_visit_ids: Collection[str] = ()
    # Settlements whose persons' undischarged stays decide.
    stay_settlement_ids: Collection[str] = ()
    # Visits that are billed: other visits of their persons may put the bills under review.
    reviewed_visit_ids: Collection[str] = ()
    # Items of the catalogue; those of lines with ids are read anyway.
    item_codes: Collection[str] = ()
    # Years whose accumulators decide, beside those of settlements.
    benefit_years: Collection[int] = ()
    # Visits with the service dates of bills of them, for the windows that the bills open.
    bill_days: Collection[tuple[str, dt.date]] = ()
    # Persons whose differences decide, with the orders to settle them.
    difference_person_ids: Collection[str] = ()
    # Repairs that are to be carried out or withdrawn.
    repair_ids: Collection[str] = ()
    # Overrides that are to be carried out or withdrawn.
    override_ids: Collection[str] = ()
    # Settlements that may get the terms of their days by now: windows of these are read too.
    repriced_settlement_ids: Collection[str] = ()
    # Repricings with persons, for how far they came.
    repriced_persons: Collection[tuple[str, str]] = ()
    # Holds, with whose they are; and those that may leave, as settlements may.
    hold_ids: Collection[str] = ()
    leaving_hold_ids: Collection[str] = ()
    # Requests that hold a bill; and those whose holds may leave, or come later.
    hold_request_ids: Collection[str] = ()
    leaving_hold_request_ids: Collection[str] = ()
    # Persons whose bills may have something that is due to the account.
    due_person_ids: Collection[str] = ()
    # Institutions with the requests of whose outcomes they ask.
    asked_requests: Collection[tuple[str, str]] = ()
    # Tokens by their hashes, for the codes that they stand for; those of them that register
    # visits, as `holder_subjects`, and those that register stays, as `stay_subjects`.
    token_hashes: Collection[str] = ()
    holder_token_hashes: Collection[str] = ()
    stay_token_hashes: Collection[str] = ()
    # What used up codes that tokens stand for: whether the tokens were used.
    resolution_ids: Collection[str] = ()
    # Those of the holders who are told of to a counter.
    described_subjects: Collection[str] = ()
    # Visits with own codes of their institutions that lines carry alone.
    own_codes: Collection[tuple[str, str]] = ()
    # Business keys of credits, and credits themselves.
    credit_keys: Collection[CreditKey] = ()
    credit_ids: Collection[str] = ()
    # Persons whose orders decide, and what their accounts owe for credits that were wrong.
    account_person_ids: Collection[str] = ()
    # Allocations with persons, for whether they were looked at; and whose contributions decide,
    # with insurance type and month.
    allocated_persons: Collection[tuple[str, str]] = ()
    contributions: Collection[tuple[str, str, int]] = ()
    # Numbers of transfers to and from other regions.
    transfer_numbers: Collection[str] = ()
    # Visits whose bills relatives of their persons may pay.
    family_visit_ids: Collection[str] = ()
    # Institutions that treat: what another region says of them is read where it is theirs.
    treating_institution_ids: Collection[str] = ()


def united(needs: Iterable[Needs]) -> Needs:
    """Returns what several commands need together, each key once."""
    return Needs(*(frozenset(chain.from_iterable(keys)) for keys in zip(*needs, strict=True)))

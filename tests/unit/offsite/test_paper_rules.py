"""Kinds, states, rights, limits and years of papers."""

import datetime as dt

import pytest

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.access import Purpose, check_reads, check_sees
from yibao_offsite.rules.material.kinds import COMMITMENT_LETTER, KINDS, kind_of
from yibao_offsite.rules.material.limits import Limits, Load, check_limits
from yibao_offsite.rules.material.material import (
    Material,
    MediaType,
    Owner,
    PhotoFacts,
    Told,
    Use,
    check_photo,
)
from yibao_offsite.rules.material.retention import keep_until
from yibao_offsite.rules.material.states import COUNTS, READABLE, STEPS, State, Step, after

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
READERS = ["agency/330100/auditor"]
PARTY = "channel/wallet"


def paper(kind: str, party: str = PARTY) -> Material:
    told = Told(1, MediaType.PDF, bytes(32))
    return Material("330100", "m1", "p1", kind, State.CLEAN, told, party, party, NOW)


def reason_of(check: object) -> Reason | None:
    try:
        check()  # type: ignore[operator]
    except RuleError as refusal:
        return refusal.reason
    return None


def test_codes_of_the_papers_of_the_rules_are_on_the_list() -> None:
    # Those of registrations, of declared admissions, and the photos of O-09.
    needed = (
        *("identity_certificate", "registration_form", "household_move_proof", "residence_permit"),
        *("lease", "posting_letter", "employment_contract", "commitment_letter", "referral_proof"),
        *("diagnosis_proof", "trauma_commitment_letter", "outside_examination_proof"),
        *("admission_declaration", "surgery_photo", "ward_photo", "fee_list", "discharge_record"),
    )
    assert set(needed) <= set(KINDS)
    assert all(kind.name_zh and len(kind.code) <= 40 for kind in KINDS.values())
    with pytest.raises(RuleError) as refused:
        kind_of("SURGERY_PHOTO")
    assert refused.value.reason is Reason.MATERIAL_KIND_UNKNOWN


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("state", State)
def test_each_step_leads_from_the_states_that_the_table_names(step: Step, state: State) -> None:
    reached = STEPS[step].get(state)
    if reached is not None:
        assert after(step, state, material_id="m") is reached
        return
    refused = reason_of(lambda: after(step, state, material_id="m"))
    assert refused is Reason.MATERIAL_STATE


def test_what_was_found_infected_given_up_or_removed_is_never_read_again() -> None:
    gone = {State.INFECTED, State.DISCARDED, State.REMOVED, State.SCANNING, State.UPLOADING}
    assert not gone & (READABLE | COUNTS)
    reached = {STEPS[step].get(state) for step in Step for state in gone - {State.SCANNING}}
    # A file that comes in may be finished; nothing else of them is used again.
    assert reached & COUNTS == {State.NOT_SCANNED}
    assert STEPS[Step.FINISH].keys() == {State.UPLOADING}


@pytest.mark.parametrize(
    ("caller", "is_seen"),
    [
        ("agency/330100/wang", True),
        ("supervisor/330100/zhao", True),
        (PARTY, True),
        ("channel/other", False),
        ("institution/H50011200001", False),
        ("holder/0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e", False),
    ],
)
def test_a_paper_is_seen_by_the_agency_and_by_who_handed_it_in(caller: str, is_seen: bool) -> None:
    found = reason_of(lambda: check_sees(paper("lease"), parse_caller(caller)))
    assert found is (None if is_seen else Reason.MATERIAL_NOT_FOUND)


HOLDER = "holder/0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"


@pytest.mark.parametrize(
    ("kind", "caller", "purpose", "is_read"),
    [
        ("lease", "agency/330100/wang", Purpose.REVIEW, True),
        ("lease", PARTY, Purpose.OWN, True),
        ("surgery_photo", "agency/330100/auditor", Purpose.AUDIT, True),
        ("surgery_photo", "agency/330100/auditor", Purpose.APPEAL, True),
        ("surgery_photo", "agency/330100/auditor", Purpose.REVIEW, False),
        ("surgery_photo", "agency/330100/wang", Purpose.AUDIT, False),
        ("ward_photo", "agency/330100/wang", Purpose.AUDIT, False),
        ("medical_record", "agency/330100/wang", Purpose.REVIEW, False),
        ("surgery_photo", "supervisor/330100/zhao", Purpose.SUPERVISION, True),
        # An app does not show a person's photos again, though it brought them.
        ("surgery_photo", PARTY, Purpose.OWN, False),
        ("surgery_photo", HOLDER, Purpose.OWN, False),
    ],
)
def test_restricted_photos_are_read_by_few_and_for_few_purposes(
    kind: str, caller: str, purpose: Purpose, is_read: bool
) -> None:
    """O-09: a photo after surgery is for those who audit, and for nobody else."""
    found = reason_of(lambda: check_reads(paper(kind), parse_caller(caller), purpose, READERS))
    assert found is (None if is_read else Reason.MATERIAL_RESTRICTED)


def test_a_holder_reads_the_photo_that_was_handed_in_by_the_same_holder() -> None:
    """O-09: it is the person's own."""
    photo = paper("surgery_photo", party=HOLDER)
    assert reason_of(lambda: check_reads(photo, parse_caller(HOLDER), Purpose.OWN, [])) is None


@pytest.mark.parametrize(
    ("kind", "taken", "reason"),
    [
        ("ward_photo", NOW, None),
        ("ward_photo", NOW + dt.timedelta(minutes=10), None),
        ("ward_photo", NOW + dt.timedelta(minutes=10, seconds=1), Reason.FIELD_OUT_OF_RANGE),
        ("ward_photo", None, Reason.FIELD_REQUIRED),
        ("lease", NOW, Reason.FIELD_OUT_OF_RANGE),
        ("lease", None, None),
    ],
)
def test_a_photo_says_when_by_whom_and_where(
    kind: str, taken: dt.datetime | None, reason: Reason | None
) -> None:
    photo = None if taken is None else PhotoFacts(taken, "王芳", "三楼12床")
    assert reason_of(lambda: check_photo(kind_of(kind), photo, now=NOW)) is reason


LIMITS = Limits(
    file_bytes=100, open_of_person=2, open_of_party=3, bytes_of_person=10, unused_bytes_of_party=20
)


@pytest.mark.parametrize(
    ("load", "size", "limit"),
    [
        (Load(1, 2, 0, 0), 10, None),
        (Load(2, 0, 0, 0), 1, "open_of_person"),
        (Load(0, 3, 0, 0), 1, "open_of_party"),
        (Load(0, 0, 9, 0), 1, None),
        (Load(0, 0, 9, 0), 2, "bytes_of_person"),
        (Load(0, 0, 0, 15), 5, None),
        (Load(0, 0, 0, 15), 6, "unused_bytes_of_party"),
    ],
)
def test_limits_hold_from_both_sides(load: Load, size: int, limit: str | None) -> None:
    if limit is None:
        check_limits(load, size, LIMITS)
        return
    with pytest.raises(RuleError) as refused:
        check_limits(load, size, LIMITS)
    assert refused.value.metadata["limit"] == limit


def use(end: dt.date | None, owner_id: str = "r1") -> Use:
    return Use(Owner.REGISTRATION, owner_id, end)


@pytest.mark.parametrize(
    ("kind", "uses", "years", "last"),
    [
        (COMMITMENT_LETTER, [use(dt.date(2026, 8, 31))], {}, dt.date(2028, 8, 31)),
        (COMMITMENT_LETTER, [use(dt.date(2024, 2, 29))], {}, dt.date(2026, 2, 28)),
        # No configuration makes it shorter, one may make it longer.
        (
            COMMITMENT_LETTER,
            [use(dt.date(2026, 8, 31))],
            {COMMITMENT_LETTER: 1},
            dt.date(2028, 8, 31),
        ),
        (
            COMMITMENT_LETTER,
            [use(dt.date(2026, 8, 31))],
            {COMMITMENT_LETTER: 5},
            dt.date(2031, 8, 31),
        ),
        ("lease", [use(dt.date(2026, 8, 31))], {}, dt.date(2036, 8, 31)),
        (
            "lease",
            [use(dt.date(2026, 1, 1)), use(dt.date(2026, 5, 1), "r2")],
            {"lease": 3},
            dt.date(2029, 5, 1),
        ),
        ("lease", [use(dt.date(2026, 1, 1)), use(None, "r2")], {}, None),
        ("lease", [], {}, None),
    ],
)
def test_papers_are_kept_for_years_after_the_last_thing_they_were_for(
    kind: str, uses: list[Use], years: dict[str, int], last: dt.date | None
) -> None:
    assert keep_until(kind, uses, years) == last

"""Registered chronic diseases: no day is held twice, and what is taken back never held."""

import dataclasses
import datetime as dt

import pytest
from support.memory.holder import MemoryHolders
from support.person_desk import CHECKER, MAKER, NOW, REGION, PersonDesk, answer, refusal

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.disease import Diseases, EndDisease, RegisterDisease
from yibao_identity.application.merge import DecideMerge, Merges, ProposeMerge
from yibao_identity.rules.disease import Disease, inherited_diseases
from yibao_identity.rules.merge import Merge

FIRST = dt.date(2026, 3, 1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def desk() -> PersonDesk:
    desk = PersonDesk()
    desk.person("merged", number=1, merged_into="a")
    desk.person("a", number=2)
    return desk


def diseases(desk: PersonDesk) -> Diseases:
    return Diseases(desk.transactions, **desk.shared)


def registering(
    desk: PersonDesk,
    person_id: str = "a",
    code: str = "M03900",
    start: dt.date = FIRST,
    end: dt.date | None = None,
) -> RegisterDisease:
    return RegisterDisease(desk.request("RegisterDisease"), person_id, code, start, end)


def ending(desk: PersonDesk, registration_id: str, end: dt.date) -> EndDisease:
    return EndDisease(desk.request("EndDisease"), "a", registration_id, end, "到期")


def register(desk: PersonDesk, code: str = "M03900", end: dt.date | None = None) -> Disease:
    found: Disease = answer(diseases(desk).register, registering(desk, code=code, end=end))
    return found


def test_registering_looks_at_the_person_then_the_days_then_what_holds(desk: PersonDesk) -> None:
    act, birth = diseases(desk).register, dt.date(1990, 3, 7)
    early = birth - DAY
    assert refusal(act, registering(desk, "nobody", start=early)) is Reason.PERSON_NOT_FOUND
    assert refusal(act, registering(desk, "merged", start=early)) is Reason.PERSON_MERGED
    assert refusal(act, registering(desk, start=early)) is Reason.FIELD_OUT_OF_RANGE
    assert refusal(act, registering(desk, end=FIRST - DAY)) is Reason.FIELD_OUT_OF_RANGE
    assert (desk.told, desk.recorded) == (set(), [])
    made = register(desk, end=FIRST + DAY)
    assert (made.record_time, made.recorded_by) == (NOW, MAKER)
    assert refusal(act, registering(desk, start=FIRST + DAY)) is Reason.DISEASE_OVERLAP
    register(desk, "M01600")
    answer(act, registering(desk, start=FIRST + 2 * DAY))
    assert desk.told == {"a"}
    assert desk.recorded[0].detail == {"added": made.disease_registration_id}


def test_a_registration_gets_a_last_day_and_stays_as_history(desk: PersonDesk) -> None:
    made = register(desk)
    ended: Disease = answer(
        diseases(desk).end, ending(desk, made.disease_registration_id, FIRST + DAY)
    )
    assert (ended.start_date, ended.end_date) == (FIRST, FIRST + DAY)
    assert ended.disease_registration_id != made.disease_registration_id
    history = desk.work.diseases.history("a")
    assert [each.replace_time for each in history] == [NOW, None]
    again = ending(desk, made.disease_registration_id, FIRST)
    assert refusal(diseases(desk).end, again) is Reason.DISEASE_NOT_FOUND
    longer: Disease = answer(
        diseases(desk).end, ending(desk, ended.disease_registration_id, FIRST + 9 * DAY)
    )
    assert longer.end_date == FIRST + 9 * DAY


def test_one_that_was_taken_back_never_held_and_leaves_its_days_free(desk: PersonDesk) -> None:
    act = diseases(desk).end
    made = register(desk).disease_registration_id
    earlier = ending(desk, made, FIRST - 2 * DAY)
    assert refusal(act, earlier) is Reason.FIELD_OUT_OF_RANGE
    taken_back: Disease = answer(act, ending(desk, made, FIRST - DAY))
    assert not taken_back.ever_holds
    other: Disease = answer(
        diseases(desk).register, registering(desk, start=FIRST - 5 * DAY, end=FIRST)
    )
    back_again = ending(desk, taken_back.disease_registration_id, FIRST)
    assert refusal(act, back_again) is Reason.DISEASE_OVERLAP
    assert other.ever_holds


def test_a_death_ends_what_may_begin(desk: PersonDesk) -> None:
    """I-31."""
    holders = desk.work.holders
    assert isinstance(holders, MemoryHolders)
    holders.persons["a"] = dataclasses.replace(holders.persons["a"], death_date=FIRST)
    act = diseases(desk).register
    assert refusal(act, registering(desk, start=FIRST + DAY)) is Reason.PERSON_DECEASED
    answer(act, registering(desk))


def test_a_list_is_put_on_record(desk: PersonDesk) -> None:
    made = register(desk)
    caller = parse_caller(MAKER)
    assert list(diseases(desk).history(REGION, "a", caller)) == [made]
    entry = desk.recorded[-1]
    assert (entry.method, entry.subject_ids) == ("ListDiseases", ("a",))
    with pytest.raises(RuleError) as caught:
        diseases(desk).history(REGION, "nobody", caller)
    assert caught.value.reason is Reason.PERSON_NOT_FOUND
    assert desk.recorded[-1] is entry


def test_a_merge_gives_the_record_that_stays_the_days_it_lacks() -> None:
    """I-28."""
    desk = PersonDesk()
    desk.persons_named("old", "kept")
    act = diseases(desk).register
    answer(act, registering(desk, "old", "M1", FIRST))
    answer(act, registering(desk, "old", "M2", FIRST, FIRST + 9 * DAY))
    answer(act, registering(desk, "kept", "M2", FIRST + 5 * DAY))
    merges = Merges(desk.transactions, **desk.shared, closers=())
    merge: Merge = answer(
        merges.propose, ProposeMerge(desk.request("ProposeMerge"), "old", "kept", "同一人")
    )
    request = desk.request("DecideMerge", caller=CHECKER)
    answer(merges.decide, DecideMerge(request, merge.merge_id, True, ""))
    standing = desk.work.diseases.standing(["old", "kept"])
    assert standing["old"] == []
    told = sorted((each.disease_code, each.start_date, each.end_date) for each in standing["kept"])
    assert told == [
        ("M1", FIRST, None),
        ("M2", FIRST, FIRST + 4 * DAY),
        ("M2", FIRST + 5 * DAY, None),
    ]
    assert {each.recorded_by for each in standing["kept"]} == {MAKER, CHECKER}


def day(number: int) -> dt.date:
    return FIRST + number * DAY


def spans(found: tuple[Disease, ...]) -> list[tuple[int, int | None]]:
    return [
        (
            (each.start_date - FIRST).days,
            None if not each.end_date else (each.end_date - FIRST).days,
        )
        for each in found
    ]


@pytest.mark.parametrize(
    ("surviving", "retired", "parts"),
    [
        ([], [(1, 5)], [(1, 5)]),
        ([], [(5, 4)], []),
        ([(1, 5)], [(1, 5)], []),
        ([(3, 4)], [(1, 9)], [(1, 2), (5, 9)]),
        ([(3, 2)], [(1, 9)], [(1, 9)]),
        ([(3, None)], [(1, None)], [(1, 2)]),
        ([(0, 2), (6, 7)], [(1, None)], [(3, 5), (8, None)]),
        ([(8, 9)], [(1, 5)], [(1, 5)]),
        ([(-3, -1)], [(1, 5)], [(1, 5)]),
        ([], [(1, 5), (3, 9)], [(1, 5), (6, 9)]),
    ],
)
def test_no_day_of_a_disease_is_lost_or_doubled(
    surviving: list[tuple[int, int | None]],
    retired: list[tuple[int, int | None]],
    parts: list[tuple[int, int | None]],
) -> None:
    def held(days: list[tuple[int, int | None]], name: str) -> list[Disease]:
        return [
            Disease("M1", day(first), None if last is None else day(last), f"{name}{first}")
            for first, last in days
        ]

    other = Disease("M2", day(0), None, "other")
    found = inherited_diseases([*held(surviving, "s"), other], held(retired, "r"))
    assert spans(found) == parts
    assert {each.disease_registration_id for each in found} <= {""}

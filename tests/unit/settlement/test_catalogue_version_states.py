"""What a version of a list may become, as tables with both sides of each limit."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.catalogue_version.row import OF_AUTHORITIES, Layer
from yibao_settlement.rules.catalogue_version.version import (
    CatalogueVersion,
    VersionState,
    check_approvable,
    check_authority,
    check_in_force,
    check_maker,
    check_told,
    submit,
    withdrawn,
)

# Noon of the 20th in Shanghai; at four in the afternoon UTC the 21st has begun there.
NOON = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 11, 20, 16, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 20)
DRAFT = CatalogueVersion(
    version_id="v",
    layer=Layer.CEILING,
    state=VersionState.DRAFT,
    title="",
    start_date=TODAY,
    is_whole=False,
    issuing_authority=2,
    authority_document="示例1号",
    row_count=3,
    refused_count=1,
    version_number=0,
    base_number=5,
    digest="",
    maker="maker",
    begin_time=NOON,
)
SUBMITTED = replace(DRAFT, state=VersionState.SUBMITTED)


def reason_of(act: Callable[[], object]) -> Reason | None:
    try:
        act()
    except RuleError as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    ("changed", "asked", "reason"),
    [
        ({}, {}, None),
        ({"state": VersionState.DRAFT}, {}, Reason.CATALOGUE_VERSION_STATE),
        ({"state": VersionState.APPROVED}, {}, Reason.CATALOGUE_VERSION_STATE),
        ({"state": VersionState.WITHDRAWN}, {}, Reason.CATALOGUE_VERSION_STATE),
        ({}, {"checker": "maker"}, Reason.SAME_MAKER_AND_CHECKER),
        ({}, {"layer_number": 4}, Reason.CATALOGUE_VERSION_OVERTAKEN),
        ({}, {"layer_number": 6}, Reason.CATALOGUE_VERSION_OVERTAKEN),
        ({"start_date": TODAY - dt.timedelta(days=1)}, {}, Reason.CATALOGUE_PAST_DAYS),
        ({"start_date": TODAY - dt.timedelta(days=1)}, {"decides_past_days": True}, None),
        # Days are those of Shanghai.
        ({}, {"now": MIDNIGHT - dt.timedelta(seconds=1)}, None),
        ({}, {"now": MIDNIGHT}, Reason.CATALOGUE_PAST_DAYS),
    ],
)
def test_a_submitted_version_of_today_is_approved_by_another_operator(
    changed: dict[str, object], asked: dict[str, object], reason: Reason | None
) -> None:
    # T-07.
    given = {
        "checker": "checker",
        "layer_number": 5,
        "decides_past_days": False,
        "now": NOON,
        **asked,
    }
    version = replace(SUBMITTED, **changed)  # type: ignore[arg-type]
    assert reason_of(lambda: check_approvable(version, **given)) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("taken", "refused_count", "row_count", "leaves_out", "reason"),
    [
        (3, 1, 4, True, None),
        (3, 1, 4, False, Reason.CATALOGUE_ROWS_REFUSED),
        (3, 0, 3, False, None),
        (3, 1, 3, True, Reason.CATALOGUE_VERSION_INCOMPLETE),
        (3, 1, 5, True, Reason.CATALOGUE_VERSION_INCOMPLETE),
        # What says nothing would end a whole layer.
        (1, 0, 1, False, None),
        (0, 0, 0, False, Reason.CATALOGUE_VERSION_INCOMPLETE),
        (0, 0, 0, True, Reason.CATALOGUE_VERSION_INCOMPLETE),
        (0, 2, 2, True, Reason.CATALOGUE_VERSION_INCOMPLETE),
        (0, 2, 2, False, Reason.CATALOGUE_ROWS_REFUSED),
    ],
)
def test_a_draft_is_complete_with_all_rows_that_were_sent(
    taken: int, refused_count: int, row_count: int, leaves_out: bool, reason: Reason | None
) -> None:
    draft = replace(DRAFT, row_count=taken, refused_count=refused_count)
    found = reason_of(
        lambda: submit(
            draft,
            row_count=row_count,
            leaves_out_refused=leaves_out,
            base_number=5,
            digest="d",
            now=NOON,
        )
    )
    assert found is reason


@pytest.mark.parametrize("state", VersionState)
def test_each_act_is_of_one_state(state: VersionState) -> None:
    version = replace(DRAFT, state=state)
    allowed = {
        "upload": reason_of(lambda: check_maker(version, caller="maker")) is None,
        "diff": reason_of(lambda: check_told(version)) is None,
        "roll back": reason_of(lambda: check_in_force(version)) is None,
        "withdraw": reason_of(lambda: withdrawn(version, withdrawer="any", now=NOON)) is None,
    }
    assert [act for act, may in allowed.items() if may] == {
        VersionState.DRAFT: ["upload", "withdraw"],
        VersionState.SUBMITTED: ["diff", "withdraw"],
        VersionState.APPROVED: ["roll back"],
        VersionState.WITHDRAWN: [],
    }[state]


@pytest.mark.parametrize("layer", Layer)
def test_of_amounts_it_is_told_who_issued_them(layer: Layer) -> None:
    # T-07.
    told = [
        reason_of(lambda given=given: check_authority(layer, *given))  # type: ignore[misc]
        for given in ((1, "示例1号"), (0, "示例1号"), (1, ""), (0, ""))
    ]
    needed = Reason.FIELD_REQUIRED if layer in OF_AUTHORITIES else None
    assert told == [None, needed, needed, needed]

"""A version of a list on its way from draft to force: brought by a maker, approved by a checker."""

import datetime as dt
import enum
from dataclasses import dataclass, replace

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.catalogue_version.row import OF_AUTHORITIES, Layer


class VersionState(enum.IntEnum):
    """How far a version is, by the numbers of the contract; stored with it."""

    DRAFT = 1
    SUBMITTED = 2
    APPROVED = 3
    WITHDRAWN = 4


@dataclass(frozen=True, slots=True)
class CatalogueVersion:
    """A version of a layer, without its rows.

    `issuing_authority` is a number of the contract's, 0 where it is not told.
    `version_number` is its place among the approved versions of the region, 0 before its
    approval; `base_number` that of the newest one of its layer when it was submitted.
    `checker` is who approved or withdrew it, empty before; `close_time` when.
    """

    version_id: str
    layer: Layer
    state: VersionState
    title: str
    start_date: dt.date
    is_whole: bool
    issuing_authority: int
    authority_document: str
    row_count: int
    refused_count: int
    version_number: int
    base_number: int
    digest: str
    maker: str
    begin_time: dt.datetime
    submit_time: dt.datetime | None = None
    checker: str = ""
    close_time: dt.datetime | None = None
    rolled_back_version_id: str = ""

    def as_if(self, version_number: int) -> "CatalogueVersion":
        """Returns the version with a number, as if it were approved."""
        return replace(self, version_number=version_number)


def check_authority(layer: Layer, issuing_authority: int, authority_document: str) -> None:
    """Refuses a version of amounts of which it is not told who issued them (T-07).

    Raises RuleError FIELD_REQUIRED.
    """
    if layer not in OF_AUTHORITIES:
        return
    told = {"issuing_authority": issuing_authority, "authority_document": authority_document}
    refuse_faults(
        [
            FieldFault(name, Reason.FIELD_REQUIRED, f"is required of layer {layer.name}")
            for name, value in told.items()
            if not value
        ]
    )


def check_maker(version: CatalogueVersion, *, caller: str) -> None:
    """Raises CATALOGUE_VERSION_STATE where it is no draft, CATALOGUE_VERSION_OF_ANOTHER."""
    if version.state is not VersionState.DRAFT:
        raise version_state("the version is no draft", version)
    if version.maker != caller:
        raise RuleError(
            Reason.CATALOGUE_VERSION_OF_ANOTHER, "another operator brings the rows of the version"
        )


def submit(
    draft: CatalogueVersion,
    *,
    row_count: int,
    leaves_out_refused: bool,
    base_number: int,
    digest: str,
    now: dt.datetime,
) -> CatalogueVersion:
    """Returns a complete draft, submitted; `row_count` are the rows that were sent.

    One without a row is refused.

    Raises RuleError CATALOGUE_VERSION_INCOMPLETE, CATALOGUE_ROWS_REFUSED; in this order.
    """
    arrived = draft.row_count + draft.refused_count
    if arrived != row_count:
        raise RuleError(
            Reason.CATALOGUE_VERSION_INCOMPLETE,
            f"{arrived} rows arrived, and {row_count} were sent",
            row_count=arrived,
        )
    if not draft.row_count and (leaves_out_refused or not arrived):
        # A whole layer of nothing would end all of it.
        raise RuleError(
            Reason.CATALOGUE_VERSION_INCOMPLETE, "no row would be in the version", row_count=0
        )
    if draft.refused_count and not leaves_out_refused:
        raise RuleError(
            Reason.CATALOGUE_ROWS_REFUSED,
            f"{draft.refused_count} rows are refused",
            refused_count=draft.refused_count,
        )
    return replace(
        draft,
        state=VersionState.SUBMITTED,
        base_number=base_number,
        digest=digest,
        submit_time=now,
    )


def check_approvable(
    version: CatalogueVersion,
    *,
    checker: str,
    layer_number: int,
    decides_past_days: bool,
    now: dt.datetime,
) -> None:
    """Refuses the approval of a version; `layer_number` is that of its layer's newest one.

    Raises RuleError CATALOGUE_VERSION_STATE, SAME_MAKER_AND_CHECKER,
    CATALOGUE_VERSION_OVERTAKEN, CATALOGUE_PAST_DAYS; in this order.
    """
    if version.state is not VersionState.SUBMITTED:
        raise version_state("the version is not submitted", version)
    if is_same_operator(version.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "the operator who brought it may not approve"
        )
    if version.base_number != layer_number:
        raise RuleError(
            Reason.CATALOGUE_VERSION_OVERTAKEN,
            f"version {layer_number} of the layer was approved since it was submitted",
            version_number=layer_number,
        )
    if version.start_date < shanghai_day(now) and not decides_past_days:
        raise RuleError(
            Reason.CATALOGUE_PAST_DAYS,
            f"it would decide days from {version.start_date.isoformat()} on",
            start_date=version.start_date.isoformat(),
        )


def approved(
    version: CatalogueVersion, *, version_number: int, checker: str, now: dt.datetime
) -> CatalogueVersion:
    """Returns a version in force."""
    return replace(
        version,
        state=VersionState.APPROVED,
        version_number=version_number,
        checker=checker,
        close_time=now,
    )


def withdrawn(version: CatalogueVersion, *, withdrawer: str, now: dt.datetime) -> CatalogueVersion:
    """Returns a version given up. Raises RuleError CATALOGUE_VERSION_STATE."""
    if version.state not in (VersionState.DRAFT, VersionState.SUBMITTED):
        raise version_state("the version is approved or withdrawn", version)
    return replace(version, state=VersionState.WITHDRAWN, checker=withdrawer, close_time=now)


def check_told(version: CatalogueVersion) -> None:
    """Refuses to compare what is not complete. Raises RuleError CATALOGUE_VERSION_STATE."""
    if version.state is not VersionState.SUBMITTED:
        raise version_state("the version is not submitted", version)


def check_in_force(version: CatalogueVersion) -> None:
    """Refuses to take back what is not in force. Raises RuleError CATALOGUE_VERSION_STATE."""
    if version.state is not VersionState.APPROVED:
        raise version_state("the version is not approved", version)


def version_state(message: str, version: CatalogueVersion) -> RuleError:
    """Returns the refusal of what the state of a version does not allow."""
    return RuleError(Reason.CATALOGUE_VERSION_STATE, message, state=int(version.state))


def version_unknown(version_id: str) -> RuleError:
    """Returns the refusal for a version that the region does not have."""
    return RuleError(
        Reason.CATALOGUE_VERSION_UNKNOWN, f"no version {version_id}", version_id=version_id
    )

"""Files of the format `yibao-offsite/1`: from bytes to what a region asks for care elsewhere."""

import functools
import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from yibao_common.files.yaml_file import Path, YamlFile, parse_yaml
from yibao_common.files.yaml_model import StrictModel, code, read_model, text, whole
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.kinds import KINDS
from yibao_offsite.rules.region_rules import (
    BasisRules,
    CategoryRules,
    Places,
    RegionRules,
    Until,
)
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Benefit,
    Category,
    Channel,
    Terms,
)

FORMAT = "yibao-offsite/1"
# What the contract takes as a `rules_file`.
MOST_BYTES = 200_000
_KEPT = 256

_Long = Annotated[str, text(1000)]
_Name = Annotated[str, code("[a-z][a-z0-9_]{0,39}", "a name of small letters, digits and _")]
_Kind = Annotated[str, code("[a-z][a-z0-9_]{0,39}", "the code of a kind of paper")]
_Province = Annotated[str, code("[1-9][0-9]", "the two digits of a province, in quotes")]
_Institution = Annotated[str, code("[HP][0-9]{11}", "an institution: H or P and 11 digits")]
_Months = Annotated[int, whole(0, 120)]
_Days = Annotated[int, whole(0, 366)]
_CategoryName = Literal[
    "retired_resettled",
    "long_term_resident",
    "posted_worker",
    "referral",
    "other_temporary",
    "emergency",
    "maternity",
]
_ChannelName = Literal["window", "phone", "post", "app", "mini_program", "hospital"]
_BasisName = Literal["none", "proof", "commitment"]
_Channels = list[_ChannelName]


class _SourceModel(StrictModel):
    """A document that values come from."""

    title: _Long
    url: _Long | None = None
    note: _Long | None = None


class _CitationModel(StrictModel):
    """Where in which source a value stands."""

    source: _Name
    clause: _Long


class _BasisModel(StrictModel):
    """What is asked on one basis, and what it gives."""

    papers: list[Annotated[list[_Kind], Field(min_length=1, max_length=10)]] = Field(max_length=20)
    # A number of months, or one of two words; which is said by `_cover`.
    cover: object
    change_after_months: _Months = 0


class _CategoryModel(StrictModel):
    """What a region asks for one category, and what it gives."""

    terms: Literal["local", "long_term", "referral", "emergency", "temporary"]
    benefits: Annotated[
        list[Literal["inpatient", "outpatient", "chronic", "pharmacy"]],
        Field(min_length=1, max_length=4),
    ]
    bases: Annotated[dict[_BasisName, _BasisModel], Field(min_length=1)]
    least_stay_months: _Months = 0
    late_days: _Days = 0
    urgent_late_days: _Days = 0
    channels: _Channels
    second_operator: _Channels = Field(default_factory=list)
    checked_after: _Channels = Field(default_factory=list)
    several_places: Literal["always", "with_proof", "never"]
    needs_pre_evaluation: bool = False
    needs_history_file: bool = False
    cites: Annotated[list[_CitationModel], Field(min_length=1, max_length=20)]


class _RulesModel(StrictModel):
    """A whole file."""

    format: Literal["yibao-offsite/1"]
    sources: Annotated[dict[str, _SourceModel], Field(min_length=1)]
    excluded_provinces: list[_Province]
    self_service_limit_months: _Months
    check_days: _Days
    decision_days: _Days
    expiry_notice_days: _Days
    referring_institutions: Annotated[list[_Institution], Field(max_length=5000)] = Field(
        default_factory=list
    )
    categories: dict[_CategoryName, _CategoryModel]


def load_region_rules(contents: bytes, *, name: str) -> RegionRules:
    """Returns what a file says; `name` is how messages call the file.

    Its version is the SHA-256 of `contents`.

    Raises:
        RuleError: OFFSITE_RULES_INVALID, with a fault for every mistake: file, line, key
            and what was expected.
    """
    file = parse_yaml(
        contents, name=name, reason=Reason.OFFSITE_RULES_INVALID, most_bytes=MOST_BYTES
    )
    model, faults = read_model(_RulesModel, file, file.data)
    faults = [*file.faults, *faults]
    if model is not None:
        faults += _further_faults(file, model)
    refuse_faults(sorted(faults, key=lambda fault: _line(fault, name)))
    assert model is not None
    return _region_rules(model, hashlib.sha256(contents).hexdigest())


@functools.lru_cache(maxsize=_KEPT)
def known_rules(contents: bytes) -> RegionRules:
    """Returns what a file says that was read before it was stored."""
    return load_region_rules(contents, name="rules_file")


def _line(fault: FieldFault, name: str) -> int:
    return int(fault.field.removeprefix(f"{name}:").partition(" ")[0])


def _further_faults(file: YamlFile, model: _RulesModel) -> Iterator[FieldFault]:
    """Yields what no shape shows: what is missing, or contradicts something else."""
    for category in Category:
        if category.name.lower() not in model.categories:
            yield file.fault(("categories",), f"category {category.name.lower()} is missing")
    for key, stated in model.categories.items():
        yield from _faults_of(file, model, key, stated)


def _faults_of(
    file: YamlFile, model: _RulesModel, key: str, stated: _CategoryModel
) -> Iterator[FieldFault]:
    at: Path = ("categories", key)
    for number, cited in enumerate(stated.cites):
        if cited.source not in model.sources:
            known = ", ".join(sorted(model.sources))
            yield file.fault((*at, "cites", number, "source"), f"is no source; known: {known}")
    yield from _basis_faults(file, at, stated)
    yield from _channel_faults(file, at, stated)
    if stated.needs_history_file and not stated.needs_pre_evaluation:
        message = "the file is read in a pre-evaluation, which is not asked for"
        yield file.fault((*at, "needs_history_file"), message)
    if key != "referral":
        yield from _faults_of_no_referral(file, at, stated)


def _basis_faults(file: YamlFile, at: Path, stated: _CategoryModel) -> Iterator[FieldFault]:
    for basis, asked in stated.bases.items():
        if _cover(asked.cover) is None:
            message = "expected a number of months from 1 to 120, until_changed or visit"
            yield file.fault((*at, "bases", basis, "cover"), message)
        for row, kinds in enumerate(asked.papers):
            for place, kind in enumerate(kinds):
                if kind not in KINDS:
                    message = f"{kind} is no kind of paper on the list"
                    yield file.fault((*at, "bases", basis, "papers", row, place), message)


def _channel_faults(file: YamlFile, at: Path, stated: _CategoryModel) -> Iterator[FieldFault]:
    for name in ("second_operator", "checked_after"):
        for number, channel in enumerate(getattr(stated, name)):
            if channel not in stated.channels:
                yield file.fault((*at, name, number), f"{channel} is none of the channels")
    both = set(stated.second_operator) & set(stated.checked_after)
    for number, channel in enumerate(stated.checked_after):
        if channel in both:
            message = f"{channel} is decided by a second operator, and not checked afterwards"
            yield file.fault((*at, "checked_after", number), message)


def _faults_of_no_referral(
    file: YamlFile, at: Path, stated: _CategoryModel
) -> Iterator[FieldFault]:
    """Yields what stands of a category and has to do with referrals alone."""
    if stated.urgent_late_days:
        yield file.fault((*at, "urgent_late_days"), "only a referral can be urgent")
    if "hospital" in stated.channels:
        yield file.fault((*at, "channels"), "a hospital applies for referrals alone")
    if stated.needs_pre_evaluation:
        yield file.fault((*at, "needs_pre_evaluation"), "only a referral is evaluated before")


def _cover(cover: object) -> Until | int | None:
    """Returns how long cover lasts, None where the value says nothing that is known."""
    if type(cover) is int:
        return cover if 1 <= cover <= 120 else None
    return next((each for each in Until if each.value == cover), None)


def _region_rules(model: _RulesModel, version: str) -> RegionRules:
    stated = {str(name): category for name, category in model.categories.items()}
    return RegionRules(
        version=version,
        categories={
            category: _category(category, stated[category.name.lower()]) for category in Category
        },
        excluded_provinces=frozenset(model.excluded_provinces),
        self_service_limit_months=model.self_service_limit_months,
        check_days=model.check_days,
        decision_days=model.decision_days,
        expiry_notice_days=model.expiry_notice_days,
        referring_institutions=frozenset(model.referring_institutions),
    )


def _category(category: Category, stated: _CategoryModel) -> CategoryRules:
    return CategoryRules(
        category=category,
        terms=Terms[stated.terms.upper()],
        benefits=tuple(each for each in Benefit if each.name.lower() in stated.benefits),
        bases={Basis[name.upper()]: _basis(asked) for name, asked in stated.bases.items()},
        least_stay_months=stated.least_stay_months,
        late_days=stated.late_days,
        urgent_late_days=stated.urgent_late_days,
        channels=_channels(stated.channels),
        second_operator=_channels(stated.second_operator),
        checked_after=_channels(stated.checked_after),
        several_places=Places(stated.several_places),
        needs_pre_evaluation=stated.needs_pre_evaluation,
        needs_history_file=stated.needs_history_file,
    )


def _basis(asked: _BasisModel) -> BasisRules:
    cover = _cover(asked.cover)
    assert cover is not None, asked.cover
    return BasisRules(
        tuple(tuple(kinds) for kinds in asked.papers), cover, asked.change_after_months
    )


def _channels(names: _Channels) -> frozenset[Channel]:
    return frozenset(Channel[name.upper()] for name in names)

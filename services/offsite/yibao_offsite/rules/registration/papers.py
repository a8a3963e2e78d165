"""The papers of a registration: what is missing, told at once."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration.registration import Material, Registration


@dataclass(frozen=True, slots=True)
class KnownPaper:
    """An uploaded paper as it is stored; `is_usable` where it is whole and not refused."""

    material_id: str
    kind: str
    person_id: str
    is_usable: bool


def check_papers(
    asked: Sequence[Sequence[str]],
    materials: Sequence[Material],
    known: Mapping[str, KnownPaper],
    *,
    person_id: str,
    may_show: bool,
) -> None:
    """Checks that one of each of `asked`, kinds that stand for each other, is there.

    An uploaded paper counts where it is stored whole, of the kind that is said and of the
    person; one that was shown at a window counts where `may_show`: an agency says so.

    Raises:
        RuleError: MATERIAL_MISSING, naming all that are, with `|` between alternatives.
    """
    there = {
        each.kind
        for each in materials
        if _is_there(each, known, person_id=person_id, may_show=may_show)
    }
    missing = ["|".join(kinds) for kinds in asked if there.isdisjoint(kinds)]
    # What is named and is not there was meant to count: it is told as well.
    said = {each.kind for each in materials} - there
    missing += sorted(said.difference(*(each.split("|") for each in missing)))
    if missing:
        raise _missing(missing)


def check_still_usable(materials: Sequence[Material], known: Mapping[str, KnownPaper]) -> None:
    """Checks that no uploaded paper was returned, or found dangerous, since it was handed in.

    Raises:
        RuleError: MATERIAL_MISSING, naming all that were.
    """
    unusable = {each.material_id for each in known.values() if not each.is_usable}
    gone = {each.kind for each in materials if each.material_id in unusable}
    if gone:
        raise _missing(sorted(gone))


def _missing(kinds: Sequence[str]) -> RuleError:
    told = ",".join(kinds)
    return RuleError(Reason.MATERIAL_MISSING, f"papers are missing: {told}", missing=told)


def _is_there(
    material: Material, known: Mapping[str, KnownPaper], *, person_id: str, may_show: bool
) -> bool:
    if material.fault:
        return False
    if material.material_id is None:
        return material.is_shown and may_show
    paper = known.get(material.material_id)
    return (
        paper is not None
        and paper.is_usable
        and paper.kind == material.kind
        and paper.person_id == person_id
    )


def handed_in_again(before: Sequence[Material], new: Sequence[Material]) -> tuple[Material, ...]:
    """Returns papers with those of `new` in the place of those of their kinds."""
    kinds = {each.kind for each in new}
    return (*(each for each in before if each.kind not in kinds), *new)


def with_faults(
    materials: Sequence[Material], faults: Sequence[tuple[str, str]]
) -> tuple[Material, ...]:
    """Returns papers with what is wrong of them, by kind; a kind that is missing is added."""
    told = dict(faults)
    marked = [
        dataclasses.replace(each, fault=told.get(each.kind, each.fault)) for each in materials
    ]
    kinds = {each.kind for each in materials}
    return (*marked, *(Material(kind, fault=told[kind]) for kind in told if kind not in kinds))


def with_materials(registration: Registration, materials: tuple[Material, ...]) -> Registration:
    """Returns a registration that rests on other papers."""
    application = dataclasses.replace(registration.application, materials=materials)
    return dataclasses.replace(registration, application=application)

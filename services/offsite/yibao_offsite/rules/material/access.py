"""Who may see and read a paper: the agency of its region, and who handed it in."""

import enum
from collections.abc import Collection

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.kinds import stored_kind
from yibao_offsite.rules.material.material import Material, material_not_found

# Whose region the gate's caller was checked for; they see all papers of it.
_OF_THE_REGION = frozenset({Role.AGENCY, Role.SUPERVISOR})


class Purpose(enum.IntEnum):
    """For what a paper is read; the numbers are those of the contract."""

    REVIEW = 1
    AUDIT = 2
    APPEAL = 3
    SUPERVISION = 4
    OWN = 5


_RESTRICTED_PURPOSES = frozenset({Purpose.AUDIT, Purpose.APPEAL, Purpose.SUPERVISION})


def is_of_region(caller: Caller) -> bool:
    """Tells whether a caller sees all papers of its region, and not only its own."""
    return caller.role in _OF_THE_REGION


def check_sees(material: Material, caller: Caller) -> None:
    """Hides a paper from who neither is of the region's agency nor handed it in.

    Raises:
        RuleError: MATERIAL_NOT_FOUND, as if there was none.
    """
    if not is_of_region(caller) and material.party != caller.party:
        raise material_not_found(material.material_id)


def check_is_own(material: Material, caller: Caller) -> None:
    """Hides an upload from all but the party that began it. Raises RuleError MATERIAL_NOT_FOUND."""
    if material.party != caller.party:
        raise material_not_found(material.material_id)


def may_read(material: Material, caller: Caller, evidence_readers: Collection[str]) -> bool:
    """Tells whether a caller who sees a paper may read what it holds.

    Restricted ones (O-09: photos of a person after surgery, and of wards) are read by the
    operators who are named for it, supervisors, and the holder who handed it in.
    """
    if not stored_kind(material.kind).is_restricted:
        return True
    if caller.role is Role.HOLDER:
        return material.party == caller.party
    return caller.role is Role.SUPERVISOR or caller.path in evidence_readers


def check_reads(
    material: Material, caller: Caller, purpose: Purpose, evidence_readers: Collection[str]
) -> None:
    """Checks that a caller who sees a paper may read it for a purpose.

    Raises:
        RuleError: MATERIAL_RESTRICTED.
    """
    fits = True
    if stored_kind(material.kind).is_restricted and caller.role is not Role.HOLDER:
        fits = purpose in _RESTRICTED_PURPOSES
    if not fits or not may_read(material, caller, evidence_readers):
        raise RuleError(
            Reason.MATERIAL_RESTRICTED,
            f"paper {material.material_id} is not read by everybody, nor for every purpose",
            material_id=material.material_id,
        )

"""Who reads by an e-certificate: its holder, or the server of an app that acts for one.

Settlement knows e-certificates by identity's feed. One that is not known, not usable or of
somebody who died reads nothing, and nothing is told of why.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState

if TYPE_CHECKING:
    from yibao_settlement.application.reading import Reads

_BY_CERTIFICATE = frozenset({Role.HOLDER, Role.CHANNEL})


class KnownHolder(NamedTuple):
    """Whose e-certificate it is, as the feed told of it.

    `person_ids` are all records of the person, merged ones included; `person_id` is the one that
    stands in the place of the others.
    """

    credential: Credential
    person_id: str
    person_ids: Sequence[str]
    death_date: dt.date | None = None


class Viewer(NamedTuple):
    """Whose settlements a caller may see: an institution's, some person's, or of neither, all.

    `person_id` is the person by the record that stands in the place of others.
    """

    institution_id: str | None
    person_id: str | None = None
    person_ids: frozenset[str] = frozenset()

    def may_see(self, *, institution_id: str | None, person_id: str | None) -> bool:
        """Tells whether the caller may see what is of an institution and a person."""
        if self.person_id is not None:
            return person_id in self.person_ids
        return self.institution_id in (None, institution_id)

    def own_person(self, person_id: str) -> str:
        """Returns the person that is asked for, or the own one where nobody is named.

        Raises RuleError OUT_OF_SCOPE where a holder names somebody else.
        """
        if self.person_id is None:
            return person_id
        if person_id and person_id not in self.person_ids:
            raise _out_of_scope(f"person/{person_id}")
        return person_id or self.person_id


def reads_by_certificate(caller: Caller) -> bool:
    """Tells whether a caller reads for the holder of an e-certificate alone."""
    return caller.role in _BY_CERTIFICATE


def viewer_of(
    reads: "Reads",
    region: str,
    caller: Caller,
    *,
    certificate_id: str = "",
    check_feed: Callable[[str], None],
) -> Viewer:
    """Returns whose settlements a caller may see in a region.

    A holder is known by the e-certificate in its own certificate, a channel names the one for
    which it acts. `check_feed` raises where what is known of a region's persons is too old.

    Raises RuleError OUT_OF_SCOPE for another region, for the e-certificate of somebody else, and
    for one by which nobody reads; FIELD_REQUIRED where a channel names none, FIELD_OUT_OF_RANGE
    where who reads by no e-certificate does; FEED_STALE.
    """
    caller.require_region(region)
    if not reads_by_certificate(caller):
        if certificate_id:
            fault = "holders and channels read by an e-certificate"
            refuse_faults([FieldFault("certificate_id", Reason.FIELD_OUT_OF_RANGE, fault)])
        return Viewer(caller.institution_id)
    if caller.role is Role.CHANNEL and not certificate_id:
        fault = "a channel acts for the holder of an e-certificate"
        refuse_faults([FieldFault("certificate_id", Reason.FIELD_REQUIRED, fault)])
    if certificate_id:
        caller.require_certificate(certificate_id)
    own_id = certificate_id or caller.id
    # Who was suspended or died since is not known, and no code is taken either.
    check_feed(region)
    known = reads.holder(region, own_id)
    if known is None or not _reads(known):
        raise _out_of_scope(f"certificate/{own_id}")
    return Viewer(None, known.person_id, frozenset(known.person_ids))


def may_see(caller: Caller | Viewer, *, institution_id: str | None, person_id: str | None) -> bool:
    """Tells whether a caller may see what is of an institution and a person.

    Who reads by an e-certificate sees nothing before `viewer_of` has found the person.
    """
    if isinstance(caller, Viewer):
        return caller.may_see(institution_id=institution_id, person_id=person_id)
    if reads_by_certificate(caller):
        return False
    return caller.institution_id in (None, institution_id)


def _reads(known: KnownHolder) -> bool:
    credential = known.credential
    is_usable = credential.state == CredentialState.USABLE
    return credential.kind == CredentialKind.ECERT and is_usable and known.death_date is None


def _out_of_scope(scope: str) -> RuleError:
    return RuleError(
        Reason.OUT_OF_SCOPE, f"the caller does not act for {scope.replace('/', ' ')}", scope=scope
    )

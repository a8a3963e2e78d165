"""Who calls: roles, their identities in client certificates, and the scope they act in."""

import enum
import re
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class Role(enum.Enum):
    """What kind of party a caller is: the first part of its certificate's path."""

    INSTITUTION = "institution"
    TERMINAL = "terminal"
    AGENCY = "agency"
    PROVINCE = "province"
    HOLDER = "holder"
    CHANNEL = "channel"
    BANK = "bank"
    SUPERVISOR = "supervisor"
    SERVICE = "service"


EVERY_ROLE = frozenset(Role)

_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_INSTITUTION = "(?P<institution_id>[HP][0-9]{11})"
_REGION = "(?P<region>[1-9][0-9]{5})"
# A region, or the first two of its digits: a province, and all that lies in it.
_REGION_OR_PROVINCE = "(?P<region>[1-9][0-9](?:[0-9]{4})?)"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# What follows the role in the path; the group `id` names the party, or the region or
# institution does where there is none.
_FORMS = {
    Role.INSTITUTION: re.compile(_INSTITUTION),
    Role.TERMINAL: re.compile(f"{_INSTITUTION}/(?P<id>{_NAME})"),
    Role.AGENCY: re.compile(f"{_REGION}/(?P<operator>{_NAME})"),
    Role.PROVINCE: re.compile(_REGION_OR_PROVINCE),
    Role.HOLDER: re.compile(f"(?P<id>{_UUID})"),
    Role.CHANNEL: re.compile(f"(?P<id>{_NAME})"),
    Role.BANK: re.compile(f"{_REGION}/(?P<id>{_NAME})/(?P<operator>{_NAME})"),
    Role.SUPERVISOR: re.compile(f"{_REGION_OR_PROVINCE}/(?P<operator>{_NAME})"),
    Role.SERVICE: re.compile(f"(?P<id>{_NAME})"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A party that was identified by its client certificate.

    `id` is the institution, terminal, region of an agency or supervisor, province,
    certificate of a holder, channel, code of a bank or service. `path` is the whole
    identity as the certificate writes it, such as `agency/500100/wang`: the name of the
    caller in logs and audit rows.

    Each `require_…` refuses a caller that is bound to something else and lets pass a
    caller that is not bound in that way: where both a holder and a channel may call, a
    servicer requires region and certificate, and each binds whom it concerns.
    """

    role: Role
    id: str
    path: str
    operator: str | None = None
    region: str | None = None
    institution_id: str | None = None

    @property
    def party(self) -> str:
        """Who the caller belongs to, whichever of its certificates it shows.

        A terminal belongs to its institution and an operator to the agency, bank or
        supervisor: `institution/H50011200001`, `agency/500100`. Request ids and turns in a
        queue are the party's.
        """
        if self.institution_id is not None:
            return f"{Role.INSTITUTION.value}/{self.institution_id}"
        if self.operator is not None:
            return self.path.removesuffix(f"/{self.operator}")
        return self.path

    def require_region(self, region: str) -> None:
        """Refuses an agency or bank of another region, and a province without `region`.

        A supervisor is of one region, or of a province with all its regions.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        own = self.region
        if own is None or own == region:
            return
        # The first two of the six digits name the province (GB/T 2260).
        provincial = self.role in {Role.PROVINCE, Role.SUPERVISOR}
        if provincial and own.removesuffix("0000") == region[:2]:
            return
        raise _out_of_scope("region", region)

    def require_service(self, name: str) -> None:
        """Refuses every service but one.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        if self.role is Role.SERVICE and self.id != name:
            raise _out_of_scope("service", name)

    def require_certificate(self, certificate_id: str) -> None:
        """Refuses the holder of another e-certificate.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        if self.role is Role.HOLDER and self.id != certificate_id:
            raise _out_of_scope("certificate", certificate_id)

    def require_terminal(self, terminal_id: str) -> None:
        """Refuses a terminal that speaks of another one; an institution tells of all its own.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        if self.role is Role.TERMINAL and self.id != terminal_id:
            raise _out_of_scope("terminal", terminal_id)

    def require_institution(self, institution_id: str) -> None:
        """Refuses an institution, and its terminals, that ask for what is not its own.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        if self.institution_id not in (None, institution_id):
            raise _out_of_scope("institution", institution_id)

    def own_institution(self) -> str:
        """Returns the institution that the caller is, or that its terminal belongs to.

        Raises:
            RuleError: OUT_OF_SCOPE where it belongs to none.
        """
        if self.institution_id is None:
            raise RuleError(
                Reason.OUT_OF_SCOPE, "the caller is no institution", scope="institution"
            )
        return self.institution_id


def _out_of_scope(kind: str, id: str) -> RuleError:
    return RuleError(
        Reason.OUT_OF_SCOPE, f"the caller does not act for {kind} {id}", scope=f"{kind}/{id}"
    )


def is_same_operator(path: str, other: str) -> bool:
    """Tells whether two paths are of one operator, who never checks what he made.

    Certificates of one name that differ in case alone are easily had, and read as one name by
    whoever looks at the record of both.
    """
    return path.casefold() == other.casefold()


def are_two_operators(maker: str, checker: str | None) -> bool:
    """Tells whether what `maker` made was checked, and by another operator."""
    return checker is not None and not is_same_operator(maker, checker)


def parse_caller(path: str) -> Caller:
    """Returns the caller that a path such as `institution/H50011200001` names.

    Raises:
        RuleError: CALLER_UNKNOWN.
    """
    kind, _, rest = path.partition("/")
    try:
        role = Role(kind)
    except ValueError:
        raise _unknown("the certificate names no role of yibao") from None
    form = _FORMS[role].fullmatch(rest)
    if form is None:
        raise _unknown(f"the certificate's path is not that of a {kind}")
    parts = form.groupdict()
    institution_id, region = parts.get("institution_id"), parts.get("region")
    id = parts.get("id") or institution_id or region
    assert id is not None
    return Caller(role, id, path, parts.get("operator"), region, institution_id)


def caller_of_uri(uri: str, *, trust_domain: str) -> Caller:
    """Returns the caller that the URI of a certificate names.

    Raises:
        RuleError: CALLER_UNKNOWN where it is of another trust domain or form.
    """
    prefix = f"spiffe://{trust_domain}/"
    if not uri.startswith(prefix):
        raise _unknown(f"the certificate is not of trust domain {trust_domain}")
    return parse_caller(uri[len(prefix) :])


def _unknown(message: str) -> RuleError:
    return RuleError(Reason.CALLER_UNKNOWN, message)

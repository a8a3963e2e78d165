"""What attestations state, and their claims as CBOR: `docs/coding/attestations.md`."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass
from typing import Final

from yibao import _cbor
from yibao._token import (
    CLAIM_CODE_ID,
    CLAIM_EXPIRE,
    CLAIM_ISSUE,
    CLAIM_ISSUER,
    CLAIM_STATUS,
    CLAIM_SUBJECT,
    QrError,
)
from yibao._trust_format import LAST_SECOND, is_region

TEXT_PREFIX: Final = "MR1-"
# What a key that signs attestations is for.
USE_ATTEST: Final = "attest"
# The longest life that a verifier accepts.
MAX_LIFE_SECONDS: Final = 31 * 86_400
MAX_STATUS_INDEX: Final = 2**20 - 1
# Numbers of the contract's enumerations are small; what is not known yet is passed on.
MAX_NUMBER: Final = 99
MAX_BENEFITS: Final = 16
MAX_VERSION: Final = 2**31 - 1

_CLAIM_REGISTRATION: Final = -65537
_CLAIM_HOLD: Final = -65538
_CATEGORY, _TREATMENT_REGION, _TERMS, _BENEFITS, _FIRST_DAY, _LAST_DAY, _ORIGIN = range(1, 8)
_VISIT, _TASK, _IS_LIFTED = range(1, 4)
_STATUS_LIST, _INDEX, _URI = "status_list", "idx", "uri"
_UUID_BYTES = 16
_VERSION_BYTES = 4

_REGISTRATION_LABELS = frozenset(
    (
        CLAIM_ISSUER,
        CLAIM_SUBJECT,
        CLAIM_EXPIRE,
        CLAIM_ISSUE,
        CLAIM_CODE_ID,
        CLAIM_STATUS,
        _CLAIM_REGISTRATION,
    )
)
_HOLD_LABELS = frozenset((CLAIM_ISSUER, CLAIM_SUBJECT, CLAIM_ISSUE, CLAIM_CODE_ID, _CLAIM_HOLD))
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_LIST_URI = re.compile(r"mr:sl/([0-9]{6})/[1-9][0-9]{0,8}", re.ASCII)
# Days are counted from here, as RFC 8943 does.
_FIRST_OF_DAYS = dt.date(1970, 1, 1).toordinal()
_LAST_OF_DAYS = dt.date.max.toordinal() - _FIRST_OF_DAYS


@dataclass(frozen=True, slots=True)
class Attested:
    """A registration for care elsewhere, as the insuring region's offsite service states it.

    `region` insures the person, ids are UUIDs in lower case. `category`, `terms`,
    `benefits` (rising; none where the region opens none) and `origin` are the numbers of
    `RegistrationCategory`, `OffsiteTerms`, `OffsiteBenefit` and `RegistrationOrigin`;
    numbers that are new in a later version are passed on. `last_day` of cover is None where
    it lasts until changed; days are of Asia/Shanghai. Seconds are since 1970, UTC, the last
    one exclusive: they are the attestation's, not the cover's. The bit `status_index` of the
    list `status_uri` is set once the statement holds no longer. `key_id` is of the key that
    signed it, empty before.
    """

    region: str
    person_id: str
    registration_id: str
    version: int
    category: int
    treatment_region: str
    terms: int
    benefits: tuple[int, ...]
    first_day: dt.date
    last_day: dt.date | None
    origin: int
    issue_second: int
    expire_second: int
    status_uri: str
    status_index: int
    key_id: bytes = b""

    @property
    def issue_time(self) -> dt.datetime:
        """When it was signed, in UTC."""
        return dt.datetime.fromtimestamp(self.issue_second, dt.timezone.utc)

    @property
    def expire_time(self) -> dt.datetime:
        """From when on another one has to be fetched, in UTC."""
        return dt.datetime.fromtimestamp(self.expire_second, dt.timezone.utc)

    def covers(self, day: dt.date) -> bool:
        """Tells whether care begun on a day of Asia/Shanghai is covered."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True, slots=True)
class AttestedHold:
    """An audit's hold of a visit, or that it is lifted, as the offsite service states it.

    It has no end: the one of the highest `version` counts. `key_id` is of the key that
    signed it, empty before.
    """

    region: str
    hold_id: str
    visit_id: str
    person_id: str
    task_id: str
    is_lifted: bool
    version: int
    issue_second: int
    key_id: bytes = b""

    @property
    def issue_time(self) -> dt.datetime:
        """When it was signed, in UTC."""
        return dt.datetime.fromtimestamp(self.issue_second, dt.timezone.utc)


def list_uri(region: str, number: int) -> str:
    """Returns the name of a region's status list of attestations; `number` is from 1 on.

    Raises:
        ValueError: The region is none, or the number out of range.
    """
    uri = f"mr:sl/{region}/{number}"
    if region_of_list(uri) != region:
        raise ValueError("a status list has a region of six digits and a number from 1 on")
    return uri


def region_of_list(uri: str) -> str | None:
    """Returns the region whose list of attestations `uri` names, or None where it names none."""
    match = _LIST_URI.fullmatch(uri)
    return match[1] if match else None


def encode_registration(stated: Attested) -> bytes:
    """Returns the payload that the offsite service signs.

    Raises:
        QrError: `malformed`; a verifier would refuse it.
    """
    about: dict[int | str, _cbor.Value] = {
        _CATEGORY: stated.category,
        _TREATMENT_REGION: stated.treatment_region,
        _TERMS: stated.terms,
        _BENEFITS: stated.benefits,
        _FIRST_DAY: stated.first_day.toordinal() - _FIRST_OF_DAYS,
        _ORIGIN: stated.origin,
    }
    if stated.last_day is not None:
        about[_LAST_DAY] = stated.last_day.toordinal() - _FIRST_OF_DAYS
    payload = _cbor.encode(
        {
            CLAIM_ISSUER: stated.region,
            CLAIM_SUBJECT: stated.person_id,
            CLAIM_EXPIRE: stated.expire_second,
            CLAIM_ISSUE: stated.issue_second,
            CLAIM_CODE_ID: _statement_id(stated.registration_id, stated.version),
            CLAIM_STATUS: {_STATUS_LIST: {_INDEX: stated.status_index, _URI: stated.status_uri}},
            _CLAIM_REGISTRATION: about,
        }
    )
    decode_registration(payload, b"")
    return payload


def decode_registration(payload: bytes, key_id: bytes) -> Attested:
    """Returns what a payload states.

    Raises:
        QrError: `malformed`; not deterministic CBOR, or not exactly the claims with their
            types, lengths and ranges.
    """
    values = _claims(payload, _REGISTRATION_LABELS)
    region, person_id, issue = _common(values)
    expire = _number(values[CLAIM_EXPIRE], least=1, most=LAST_SECOND)
    _require(0 < expire - issue <= MAX_LIFE_SECONDS, "a life outside 1 second to 31 days")
    registration_id, version = _read_statement_id(values[CLAIM_CODE_ID])
    uri, index = _status(values[CLAIM_STATUS], region)
    about = _map(values[_CLAIM_REGISTRATION], "the registration")
    required = {_CATEGORY, _TREATMENT_REGION, _TERMS, _BENEFITS, _FIRST_DAY, _ORIGIN}
    _require(about.keys() - {_LAST_DAY} == required, "not exactly what a registration has")
    treatment_region = about[_TREATMENT_REGION]
    _require(
        isinstance(treatment_region, str)
        and is_region(treatment_region)
        and treatment_region != region,
        "a region of treatment",
    )
    assert isinstance(treatment_region, str)
    first_day = _day(about[_FIRST_DAY])
    last_day = _day(about[_LAST_DAY]) if _LAST_DAY in about else None
    _require(last_day is None or first_day <= last_day, "a cover that ends before it begins")
    return Attested(
        region,
        person_id,
        registration_id,
        version,
        _number(about[_CATEGORY], least=1, most=MAX_NUMBER),
        treatment_region,
        _number(about[_TERMS], least=1, most=MAX_NUMBER),
        _benefits(about[_BENEFITS]),
        first_day,
        last_day,
        _number(about[_ORIGIN], least=1, most=MAX_NUMBER),
        issue,
        expire,
        uri,
        index,
        key_id,
    )


def encode_hold(stated: AttestedHold) -> bytes:
    """Returns the payload that the offsite service signs.

    Raises:
        QrError: `malformed`; a verifier would refuse it.
    """
    payload = _cbor.encode(
        {
            CLAIM_ISSUER: stated.region,
            CLAIM_SUBJECT: stated.person_id,
            CLAIM_ISSUE: stated.issue_second,
            CLAIM_CODE_ID: _statement_id(stated.hold_id, stated.version),
            _CLAIM_HOLD: {
                _VISIT: _uuid_bytes(stated.visit_id),
                _TASK: _uuid_bytes(stated.task_id),
                _IS_LIFTED: int(stated.is_lifted),
            },
        }
    )
    decode_hold(payload, b"")
    return payload


def decode_hold(payload: bytes, key_id: bytes) -> AttestedHold:
    """Returns what a payload states.

    Raises:
        QrError: `malformed`, as `decode_registration`.
    """
    values = _claims(payload, _HOLD_LABELS)
    region, person_id, issue = _common(values)
    hold_id, version = _read_statement_id(values[CLAIM_CODE_ID])
    about = _map(values[_CLAIM_HOLD], "the hold")
    _require(about.keys() == {_VISIT, _TASK, _IS_LIFTED}, "not exactly what a hold has")
    is_lifted = bool(_number(about[_IS_LIFTED], least=0, most=1))
    visit_id, task_id = _uuid_text(about[_VISIT]), _uuid_text(about[_TASK])
    return AttestedHold(
        region, hold_id, visit_id, person_id, task_id, is_lifted, version, issue, key_id
    )


def _claims(payload: bytes, labels: frozenset[int]) -> dict[int | str, _cbor.Value]:
    try:
        values = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the claims: {error}") from None
    _require(isinstance(values, dict) and values.keys() == labels, "not exactly the claims")
    assert isinstance(values, dict)
    return values


def _common(values: dict[int | str, _cbor.Value]) -> tuple[str, str, int]:
    """Returns region, person and second of signing."""
    region, person_id = values[CLAIM_ISSUER], values[CLAIM_SUBJECT]
    _require(isinstance(region, str) and is_region(region), "an issuer that is no region")
    _require(isinstance(person_id, str) and bool(_UUID.fullmatch(person_id)), "a person's id")
    assert isinstance(region, str)
    assert isinstance(person_id, str)
    return region, person_id, _number(values[CLAIM_ISSUE], least=0, most=LAST_SECOND)


def _statement_id(id: str, version: int) -> bytes:
    _require(1 <= version <= MAX_VERSION, "a version")
    return _uuid_bytes(id) + version.to_bytes(_VERSION_BYTES, "big")


def _read_statement_id(value: _cbor.Value) -> tuple[str, int]:
    _require(
        isinstance(value, bytes) and len(value) == _UUID_BYTES + _VERSION_BYTES, "a statement's id"
    )
    assert isinstance(value, bytes)
    version = int.from_bytes(value[_UUID_BYTES:], "big")
    _require(1 <= version <= MAX_VERSION, "a version")
    return _uuid_text(value[:_UUID_BYTES]), version


def _uuid_bytes(id: str) -> bytes:
    _require(bool(_UUID.fullmatch(id)), "an id that is no UUID")
    return uuid.UUID(id).bytes


def _uuid_text(value: _cbor.Value) -> str:
    _require(isinstance(value, bytes) and len(value) == _UUID_BYTES, "an id that is no UUID")
    assert isinstance(value, bytes)
    return str(uuid.UUID(bytes=value))


def _status(value: _cbor.Value, region: str) -> tuple[str, int]:
    outer = _map(value, "the status")
    _require(outer.keys() == {_STATUS_LIST}, "not exactly the status")
    inner = _map(outer[_STATUS_LIST], "the status")
    _require(inner.keys() == {_INDEX, _URI}, "not exactly the status")
    uri = inner[_URI]
    _require(isinstance(uri, str) and region_of_list(uri) == region, "the name of a status list")
    assert isinstance(uri, str)
    return uri, _number(inner[_INDEX], least=0, most=MAX_STATUS_INDEX)


def _benefits(value: _cbor.Value) -> tuple[int, ...]:
    _require(isinstance(value, list) and len(value) <= MAX_BENEFITS, "benefits")
    assert isinstance(value, list)
    found = tuple(_number(each, least=1, most=MAX_NUMBER) for each in value)
    _require(list(found) == sorted(set(found)), "benefits repeated or out of order")
    return found


def _map(value: _cbor.Value, what: str) -> dict[int | str, _cbor.Value]:
    _require(isinstance(value, dict), f"{what} is no map")
    assert isinstance(value, dict)
    return value


def _day(value: _cbor.Value) -> dt.date:
    days = _number(value, least=0, most=_LAST_OF_DAYS)
    return dt.date.fromordinal(days + _FIRST_OF_DAYS)


def _number(value: _cbor.Value, *, least: int, most: int) -> int:
    _require(isinstance(value, int) and least <= value <= most, "a number out of its range")
    assert isinstance(value, int)
    return value


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise QrError("malformed", f"the claims: {fault}")

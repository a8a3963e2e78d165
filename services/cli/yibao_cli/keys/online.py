"""Changes of a deployment's keys: what each command did, and what comes next."""

import datetime as dt
from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from yibao.attesting import QrError, read_key_request
from yibao.issuing import key_id_of
from yibao_cli.inputs import read_file
from yibao_cli.keys.documents import outcome_document, standing_document
from yibao_cli.output import is_json, print_document
from yibao_common.keys.key_store import public_pem
from yibao_common.process.config import StartError
from yibao_identity.application.trust.admin import Outcome, RequestedKey, TrustAdmin, key_id_finder
from yibao_identity.config import IdentityConfig
from yibao_identity.rules.trust.keys import listed_until
from yibao_identity.rules.trust.published import OWN_USES, KeyState, KeyUse, ListedKey

_MINUTE = "%Y-%m-%d %H:%M"
_WHERE = {
    KeyUse.TOKEN: "codes",
    KeyUse.CREDENTIAL: "device certificates",
    KeyUse.STATUS: "status lists",
    KeyUse.ATTESTATION: "attestations",
}


def make_trust_key(out: Console, config: IdentityConfig, admin: TrustAdmin) -> None:
    """Makes a key for snapshots; a root has to allow it."""
    public_key = admin.make_trust_key()
    name = key_id_of(public_key).hex()
    file = config.keys.folder / f"{name}.pub.pem"
    if config.keys.pkcs11 is not None:
        file.write_bytes(public_pem(public_key))
    if is_json():
        print_document(out, {"key_id": name, "use": "trust", "public_key_file": str(file)})
        return
    out.print(f"Made trust key {name}; it signs nothing until a root allows it.", soft_wrap=True)
    out.print(
        f"Next: carry its public half to the ceremony: --trust-key {escape(str(file))}",
        soft_wrap=True,
    )


def make(
    out: Console,
    admin: TrustAdmin,
    use: str,
    *,
    regions: list[str],
    life: dt.timedelta,
    is_emergency: bool,
) -> None:
    """Makes the next key of a use, or its first."""
    outcome = admin.new(KeyUse(use), issuers=regions, life=life, is_emergency=is_emergency)
    _tell(out, outcome)


def take(
    out: Console,
    admin: TrustAdmin,
    file: Path,
    *,
    regions: Collection[str],
    life: dt.timedelta,
    is_emergency: bool,
) -> None:
    """Takes in a key of the offsite service, of whose request `regions` are those to allow."""
    try:
        request = read_key_request(read_file(file))
    except QrError as error:
        raise StartError(f"{file}: no request of a key: {error.message}") from None
    others = sorted(set(request.regions) - set(regions))
    if others:
        raise StartError(f"{file} asks for {', '.join(others)}: name them with --region, or not")
    requested = RequestedKey(
        request.public_key,
        frozenset(request.regions),
        dt.datetime.fromtimestamp(request.issue_second, dt.UTC),
    )
    _tell(out, admin.take(KeyUse.ATTESTATION, requested, life=life, is_emergency=is_emergency))


def rotate(
    out: Console, admin: TrustAdmin, use: str, *, life: dt.timedelta, is_emergency: bool
) -> None:
    """Makes the next key, or puts it to use."""
    _tell(out, admin.rotate(KeyUse(use), life=life, is_emergency=is_emergency))


def kill(
    out: Console,
    admin: TrustAdmin,
    beginning: str,
    *,
    since: dt.datetime,
    is_replaced: bool,
    life: dt.timedelta,
) -> None:
    """Withdraws a key."""
    key_id = key_id_finder(admin.recorded_keys())(beginning)
    outcome = admin.kill(key_id, since=since, is_replaced=is_replaced, life=life)
    _tell(out, outcome)
    assert outcome.killed is not None
    if is_json():
        return
    if outcome.killed.use is KeyUse.CREDENTIAL:
        out.print(
            "Every device certificate it signed is refused; phones get new ones online.",
            soft_wrap=True,
        )
    if outcome.killed.use is KeyUse.ATTESTATION:
        out.print(
            "Attestations it signed are refused; with the next key another is fetched.",
            soft_wrap=True,
        )
    if outcome.killed.use is KeyUse.TOKEN:
        out.print(
            "Codes it signed are refused; a phone that asks again gets a good one.", soft_wrap=True
        )


def deny(
    out: Console,
    admin: TrustAdmin,
    certificate_ids: list[str],
    *,
    expire_time: dt.datetime,
    explanation: str,
) -> None:
    """Denies device certificates."""
    ids = [_certificate_id(text) for text in certificate_ids]
    outcome = admin.deny(ids, expire_time=expire_time, explanation=explanation)
    if is_json():
        told = {"denied": certificate_ids, "expire_time": expire_time.isoformat()}
        print_document(out, {**told, **outcome_document(outcome)})
        return
    out.print(f"Denied {len(ids)} until {expire_time:{_MINUTE}} UTC.", soft_wrap=True)
    _tell(out, outcome)
    out.print("Next: revoke the devices as well; a denial ends by itself.", soft_wrap=True)


def undeny(out: Console, admin: TrustAdmin, certificate_ids: list[str]) -> None:
    """Ends denials."""
    outcome = admin.undeny([_certificate_id(text) for text in certificate_ids])
    if is_json():
        print_document(out, {"undenied": certificate_ids, **outcome_document(outcome)})
        return
    out.print(f"{len(certificate_ids)} denied no longer.", soft_wrap=True)
    _tell(out, outcome)


def publish_root(out: Console, admin: TrustAdmin, file: Path) -> None:
    """Brings in a root."""
    root, outcome = admin.add_root(read_file(file))
    if is_json():
        told = {"root": root.version, "expire_time": root.expire_time.isoformat()}
        print_document(out, {**told, **outcome_document(outcome)})
        return
    out.print(f"Root {root.version} is in force until {root.expire_time:%Y-%m-%d}.", soft_wrap=True)
    if outcome.not_published and not admin.recorded_keys():
        for use in OWN_USES:
            out.print(f"Next: yibao keys new --use {use.value}", soft_wrap=True)
        return
    _tell(out, outcome)


def show(out: Console, admin: TrustAdmin, *, now: dt.datetime) -> None:
    """Shows all keys, the root and what is denied."""
    if is_json():
        print_document(out, standing_document(admin, now=now))
        return
    root = admin.newest_root()
    if root is None:
        out.print("No root of trust yet.", soft_wrap=True)
    else:
        left = (root.expire_time - now).days
        out.print(f"Root {root.version}, ends in {left} days; trust keys:", soft_wrap=True)
        for public_key in root.trust_keys:
            out.print(f"  {key_id_of(public_key).hex()}", soft_wrap=True)
    for recorded in admin.recorded_keys():
        key = recorded.key
        is_listed = now < listed_until(key)
        state = key.state.name.lower() + ("" if is_listed else ", not listed")
        out.print(
            f"{key.use.value:6} key {_name(key)}  {state:8}  signs until "
            f"{key.expire_time:{_MINUTE}} UTC for {_regions(key)}; made "
            f"{recorded.record_time:%Y-%m-%d} by {escape(recorded.recorded_by)}",
            soft_wrap=True,
        )
    for denial in admin.denials():
        until = f"{denial.expire_time:{_MINUTE}}"
        why = escape(f"{denial.explanation} ({denial.denied_by})")
        out.print(f"denied {denial.certificate_id.hex()} until {until}: {why}", soft_wrap=True)


def _tell(out: Console, outcome: Outcome) -> None:
    if is_json():
        print_document(out, outcome_document(outcome))
        return
    if outcome.killed is not None:
        key = outcome.killed
        out.print(
            f"Killed {key.use.value} key {_name(key)}; it stays listed as killed "
            f"until {listed_until(key):{_MINUTE}} UTC.",
            soft_wrap=True,
        )
        if key.state is KeyState.KILLED and outcome.promotion is None:
            out.print(f"No other {key.use.value} key took its place.", soft_wrap=True)
    if outcome.made is not None:
        out.print(f"Made {outcome.made.use.value} key {_name(outcome.made)}.", soft_wrap=True)
    if outcome.promotion is not None:
        promoted, retired = outcome.promotion.promoted, outcome.promotion.retired
        out.print(
            f"{promoted.use.value} key {_name(promoted)} signs {_WHERE[promoted.use]} from now.",
            soft_wrap=True,
        )
        if retired is not None:
            out.print(
                f"Key {_name(retired)} retires: what it signed holds to its own end.",
                soft_wrap=True,
            )
    if outcome.ready_time is not None and outcome.made is not None:
        out.print(
            f"Next: from {outcome.ready_time:{_MINUTE}} UTC on, "
            f"yibao keys rotate --use {outcome.made.use.value}",
            soft_wrap=True,
        )
    if outcome.version is not None:
        out.print(
            f"Published in snapshot {outcome.version}; running services take it over "
            "within trust.publish_seconds.",
            soft_wrap=True,
        )
    elif outcome.not_published:
        out.print(
            f"[yellow]Not published from here: {escape(outcome.not_published)}[/yellow]",
            soft_wrap=True,
        )


def _regions(key: ListedKey) -> str:
    first, *others = sorted(key.issuers)
    return f"{first} and {len(others)} more" if others else first


def _name(key: ListedKey) -> str:
    return key_id_of(key.public_key).hex()


def _certificate_id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 8:
        raise StartError(f"{text} is no device certificate: 16 hexadecimal digits")
    return found

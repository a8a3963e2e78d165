"""The key ceremony: commands on files alone, for machines without a network."""

import contextlib
import datetime as dt
import getpass
import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.markup import escape

from yibao.issuing import RootContent, key_id_of, open_root
from yibao_cli.inputs import read_file
from yibao_cli.keys import root_ceremony
from yibao_cli.keys.documents import root_document
from yibao_cli.keys.root_ceremony import RootStanding
from yibao_cli.output import is_json, print_document
from yibao_common.keys.key_file import KeyFileError, read_key, write_key
from yibao_common.keys.key_store import public_pem, read_public_key
from yibao_common.keys.opening import read_passphrase
from yibao_common.process.config import StartError
from yibao_identity.rules.trust.keys import KeyChangeError


def new_key(out: Console, file: Path, passphrase_file: Path | None) -> None:
    """Writes a holder's key and its public half beside it."""
    with _told(file):
        key = Ed25519PrivateKey.generate()
        public_key = key.public_key().public_bytes_raw()
        write_key(file, key, passphrase=_passphrase(passphrase_file, is_new=True))
        public_file = file.with_suffix(".pub.pem")
        public_file.write_bytes(public_pem(public_key))
    if is_json():
        told = {"file": str(file), "public_key_file": str(public_file)}
        print_document(out, {**told, "key_id": key_id_of(public_key).hex()})
        return
    out.print(f"Wrote {escape(str(file))}, key id {key_id_of(public_key).hex()}.", soft_wrap=True)
    out.print(
        "Keep it and its passphrase apart, offline, and copy it once for a safe.", soft_wrap=True
    )
    out.print(f"Next: hand {escape(str(public_file))} to whoever drafts the root.", soft_wrap=True)


def init(
    out: Console,
    file: Path,
    *,
    key_files: list[Path],
    trust_key_files: list[Path],
    threshold: int,
    life: dt.timedelta,
    now: dt.datetime,
) -> None:
    """Drafts root 1."""
    with _told(file):
        document = root_ceremony.draft_first(
            root_keys=[read_public_key(path) for path in key_files],
            threshold=threshold,
            trust_keys=[read_public_key(path) for path in trust_key_files],
            now=now,
            life=life,
        )
        _write(file, document, is_new=True)
        _show(out, file, document, root_ceremony.examine(document))


def rotate(
    out: Console,
    file: Path,
    *,
    previous_file: Path,
    key_files: list[Path],
    trust_key_files: list[Path],
    threshold: int | None,
    life: dt.timedelta,
    now: dt.datetime,
) -> None:
    """Drafts the root after `previous_file`."""
    with _told(previous_file):
        previous = read_file(previous_file)
        document = root_ceremony.draft_next(
            previous,
            root_keys=[read_public_key(path) for path in key_files],
            threshold=threshold,
            trust_keys=[read_public_key(path) for path in trust_key_files],
            now=now,
            life=life,
        )
        _write(file, document, is_new=True)
        _show(out, file, document, root_ceremony.examine(document, previous=previous))


def sign(
    out: Console,
    file: Path,
    key_file: Path,
    previous_file: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Adds one holder's signature."""
    with _told(file):
        document = read_file(file)
        previous = None if previous_file is None else read_file(previous_file)
        root_ceremony.examine(document, previous=previous)
        key = read_key(key_file, passphrase=_passphrase(passphrase_file))
        signed = root_ceremony.sign(document, key, previous=previous)
        _write(file, signed, is_new=False)
        _show(out, file, signed, root_ceremony.examine(signed, previous=previous))


def verify(out: Console, file: Path, previous_file: Path | None) -> int:
    """Shows a root; the exit code is 0 where enough holders have signed it."""
    with _told(file):
        document = read_file(file)
        previous = None if previous_file is None else read_file(previous_file)
        standing = root_ceremony.examine(document, previous=previous)
    _show(out, file, document, standing)
    return 0 if standing.is_complete else 1


def _show(out: Console, file: Path, document: bytes, standing: RootStanding) -> None:
    if is_json():
        print_document(out, root_document(file, document, standing))
        return
    content = standing.content
    out.print(
        f"Root {content.version}, {_day(content.issue_second)} to {_day(content.expire_second)}",
        soft_wrap=True,
    )
    # What the holders compare aloud before they sign.
    digest = hashlib.sha256(open_root(document).payload).hexdigest()
    out.print(
        f"  contents {' '.join(digest[at : at + 8] for at in range(0, 64, 8))}", soft_wrap=True
    )
    for key in content.root_keys:
        mark = "signed" if key in standing.signed_by else "has not signed"
        out.print(f"  root key  {key_id_of(key).hex()}  {mark}", soft_wrap=True)
    for key in sorted(standing.signed_by - set(content.root_keys)):
        out.print(f"  root key  {key_id_of(key).hex()}  signed, of the root before", soft_wrap=True)
    for key in content.trust_keys:
        out.print(f"  trust key {key_id_of(key).hex()}", soft_wrap=True)
    for line in _next_steps(file, content, standing):
        out.print(line, soft_wrap=True)


def _next_steps(file: Path, content: RootContent, standing: RootStanding) -> Iterator[str]:
    name = escape(str(file))
    previous = "" if content.version == 1 else f" --previous root-{content.version - 1}.cose"
    if standing.missing:
        yield f"Next: {standing.missing} more of its {len(content.root_keys)} holders sign:"
        yield f"  yibao keys root sign {name} --key HOLDER.pem{previous}"
    elif standing.missing_of_previous:
        yield f"Next: {standing.missing_of_previous} more holders of the root before sign:"
        yield f"  yibao keys root sign {name} --key HOLDER.pem{previous}"
    elif standing.missing_of_previous is None:
        yield "Its own holders have signed. Next, whether those of the root before have:"
        yield f"  yibao keys root verify {name}{previous}"
    elif content.version == 1:
        yield f"Complete. Next: yibao keys root publish {name} --config identity.toml"
        yield "and ship it with every verifier, as its first root."
    else:
        yield f"Complete. Next: yibao keys root publish {name} --config identity.toml"


def _passphrase(file: Path | None, *, is_new: bool = False) -> bytes:
    if file is not None:
        return read_passphrase(file)
    try:
        with warnings.catch_warnings():
            # Without a terminal it would be shown while it is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            entered = getpass.getpass("Passphrase of the key: ")
            if is_new and getpass.getpass("The same again: ") != entered:
                raise StartError("the two differ; nothing was written")
    except (EOFError, getpass.GetPassWarning):
        raise StartError("no passphrase was given: name its file by --passphrase-file") from None
    return entered.encode("utf-8")


def _write(path: Path, document: bytes, *, is_new: bool) -> None:
    if is_new and path.exists():
        raise StartError(f"{path}: exists and is not replaced; choose another name")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StartError(f"{path}: not written ({error.strerror})") from None


def _day(second: int) -> str:
    return f"{dt.datetime.fromtimestamp(second, dt.UTC):%Y-%m-%d}"


@contextlib.contextmanager
def _told(file: Path) -> Iterator[None]:
    """Tells what cannot be done, with the document that it is about."""
    try:
        yield
    except KeyChangeError as error:
        raise StartError(f"{file}: {error}") from None
    except KeyFileError as error:
        # Names the file of the key itself.
        raise StartError(str(error)) from None

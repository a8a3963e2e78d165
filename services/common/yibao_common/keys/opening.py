"""Where a configuration keeps the private keys of a process, and how they are opened."""

import codecs
from pathlib import Path

from pydantic import Field

from yibao_common.keys.key_file import KeyFileError
from yibao_common.keys.key_store import KeyFolder, KeyStore, KeyStores
from yibao_common.keys.pkcs11 import Pkcs11Keys
from yibao_common.process.config import FileName, Section, StartError
from yibao_common.process.plain_file import read_plain_file

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Pkcs11Config(Section):
    """A hardware module that holds private keys; they are made in it and found there first."""

    library: FileName
    token_label: str = Field(min_length=1, max_length=32)
    pin_file: FileName


class KeysConfig(Section):
    """Where the private keys lie: files `<key id>.pem`, PKCS#8 under one passphrase."""

    folder: FileName
    passphrase_file: FileName
    pkcs11: Pkcs11Config | None = None


def open_key_store(config: KeysConfig) -> KeyStore:
    """Returns the private keys of this process.

    Raises:
        StartError: the folder, the passphrase or the hardware module cannot be used.
    """
    if config.folder.exists() and not config.folder.is_dir():
        # Each key would be told as missing.
        raise StartError(f"keys.folder {config.folder}: is no folder")
    folder = KeyFolder(config.folder, passphrase=read_passphrase(config.passphrase_file))
    if config.pkcs11 is None:
        return folder
    module = config.pkcs11
    pin = read_passphrase(module.pin_file).decode("utf-8")
    try:
        hardware = Pkcs11Keys(module.library, token_label=module.token_label, pin=pin)
    except KeyFileError as error:
        raise StartError(str(error)) from None
    return KeyStores(hardware, folder)


def read_passphrase(path: Path) -> bytes:
    """Returns the passphrase in a file.

    Raises:
        StartError: it cannot be read or is empty.
    """
    try:
        # The line end that editors add is no part of the passphrase.
        passphrase = read_plain_file(path).rstrip(b"\r\n")
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    if passphrase.startswith(_MARKS):
        # Nobody types it, so that a passphrase with it opens other keys than one without.
        raise StartError(f"{path}: begins with a byte order mark: save it as UTF-8 without one")
    if not passphrase:
        raise StartError(f"{path}: holds no passphrase")
    return passphrase

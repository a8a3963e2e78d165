"""Texts that may tell of somebody, sealed where the service has keys to seal with.

What was stored before there were keys stays readable: the first byte tells which it is.
"""

from yibao_common.keys.vault import Vault
from yibao_common.values.errors import InvariantError

_PLAIN, _SEALED = b"\x00", b"\x01"


class Texts:
    """Writes and reads texts of one region."""

    def __init__(self, vault: Vault | None, region: str) -> None:
        """Takes the keys, which a service without personal data has not."""
        self._vault = vault
        self._region = region

    def write(self, text: str, *, place: str) -> bytes:
        """Returns a text as it is stored at a place, such as `complaint/<id>/text`."""
        if self._vault is None:
            return _PLAIN + text.encode()
        return _SEALED + self._vault.seal(text.encode(), place=f"{self._region}/{place}")

    def read(self, stored: bytes, *, place: str) -> str:
        """Returns the text that is stored at a place.

        Raises:
            SealError: it is not the one that was stored there.
        """
        if stored[:1] == _PLAIN:
            return stored[1:].decode()
        if self._vault is None:
            raise InvariantError("a sealed text is read without the keys that it was sealed with")
        return self._vault.open(stored[1:], place=f"{self._region}/{place}").decode()

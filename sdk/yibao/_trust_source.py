"""Where a trust store fetches from."""

from typing import Protocol


class TrustSource(Protocol):
    """Where the documents come from; `yibao.trust_client.TrustClient` is one.

    What it raises where it cannot answer leaves `TrustStore.refresh` as it is.
    """

    def root(self, version: int) -> bytes | None:
        """Returns the root of this version, or None where there is none yet."""
        ...

    def snapshot(self) -> bytes:
        """Returns the newest snapshot."""
        ...

    def status_list(self, uri: str) -> bytes | None:
        """Returns a status list as the newest snapshot binds it, or None."""
        ...

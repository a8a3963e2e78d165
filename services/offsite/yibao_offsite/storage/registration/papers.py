"""Papers where none are uploaded: what counts is shown at a window."""

import datetime as dt
from collections.abc import Collection

from yibao_offsite.rules.registration.papers import KnownPaper


class UnstoredPapers:
    """See `application.registration.rows.PaperRows`."""

    def find(self, material_ids: Collection[str]) -> dict[str, KnownPaper]:
        """Returns nothing: none is stored."""
        return {}

    def bind(self, material_ids: Collection[str], registration_id: str) -> None:
        """Does nothing: papers that are not found were refused before."""

    def end(self, registration_id: str, *, on: dt.date) -> None:
        """Does nothing: no paper waits for its years to be counted."""

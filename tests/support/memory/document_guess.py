"""Wrong documents in memory."""

import dataclasses

from yibao_identity.application.document_guess import DocumentGuessRows
from yibao_identity.rules.document_guess import DocumentGuesses


@dataclasses.dataclass
class MemoryDocumentGuesses(DocumentGuessRows):
    """Those of one region, by person id."""

    rows: dict[str, DocumentGuesses] = dataclasses.field(default_factory=dict)

    def find(self, person_id: str) -> DocumentGuesses | None:
        return self.rows.get(person_id)

    def store(self, person_id: str, guesses: DocumentGuesses) -> None:
        self.rows[person_id] = guesses

    def forget(self, person_id: str) -> None:
        del self.rows[person_id]

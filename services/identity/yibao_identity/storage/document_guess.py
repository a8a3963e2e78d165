"""Wrong documents that were shown for persons, as rows."""

import sqlalchemy as sa

from yibao_identity.rules.document_guess import DocumentGuesses
from yibao_identity.storage import tables

_guess = tables.document_guess.c


class StoredDocumentGuesses:
    """See `application.document_guess.DocumentGuessRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, person_id: str) -> DocumentGuesses | None:
        """Returns the wrong documents of a person in a row, or None."""
        query = sa.select(_guess.wrong_documents, _guess.last_time).where(*self._named(person_id))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else DocumentGuesses(*row)

    def store(self, person_id: str, guesses: DocumentGuesses) -> None:
        """Stores them; the person's row is locked, so nobody else does."""
        values = {"wrong_documents": guesses.wrong, "last_time": guesses.last_time}
        table = tables.document_guess
        changed = self._connection.execute(
            sa.update(table).where(*self._named(person_id)).values(**values)
        )
        if not changed.rowcount:
            self._connection.execute(
                sa.insert(table).values(region=self._region, person_id=person_id, **values)
            )

    def forget(self, person_id: str) -> None:
        """Begins anew after the right one."""
        self._connection.execute(sa.delete(tables.document_guess).where(*self._named(person_id)))

    def _named(self, person_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (_guess.region == self._region, _guess.person_id == person_id)

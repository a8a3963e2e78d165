"""E-certificates of a person, as a merge ends them."""

import datetime as dt

import sqlalchemy as sa

from yibao_identity.storage.certificates import close_of_person as close_certificates
from yibao_identity.storage.misuse_rows import check_none_suspended


class StoredCredentials:
    """See `application.merge.CredentialRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def check_none_suspended(self, person_id: str) -> None:
        """Raises RuleError ECERT_SUSPENDED, CARD_SUSPENDED where one is suspended."""
        check_none_suspended(self._connection, self._region, person_id)

    def close_certificates(self, person_id: str, *, at: dt.datetime, caller: str) -> None:
        """Closes the e-certificate that stands."""
        close_certificates(self._connection, self._region, person_id, now=at, caller=caller)

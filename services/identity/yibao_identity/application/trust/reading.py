"""What verifiers read: roots, the newest snapshot, and the status lists that it binds."""

from yibao_common.values.errors import TransientError
from yibao_identity.application.trust.rows import (
    PublishedSnapshot,
    PublishedStatus,
    Root,
    TrustTables,
)
from yibao_identity.rules.trust.published import (
    parse_list_uri,
    root_not_found,
    status_list_not_found,
)


class TrustReader:
    """Answers with what is published. Blocks; safe between threads."""

    def __init__(self, tables: TrustTables) -> None:
        """Takes the tables."""
        self._tables = tables

    def root(self, version: int) -> tuple[Root, int]:
        """Returns a root, the newest for 0, and the version of the newest.

        Raises:
            RuleError: TRUST_ROOT_NOT_FOUND.
        """
        with self._tables.view() as view:
            newest = view.newest_root()
            if newest is None:
                raise _nothing_yet()
            found = newest if version in (0, newest.version) else view.root(version)
        if found is None:
            raise root_not_found(version)
        return found, newest.version

    def snapshot(self) -> PublishedSnapshot:
        """Returns the newest snapshot."""
        with self._tables.view() as view:
            newest = view.newest_snapshot()
        if newest is None:
            raise _nothing_yet()
        return newest

    def status_list(self, uri: str) -> PublishedStatus:
        """Returns a status list as the newest snapshot binds it.

        Raises:
            RuleError: STATUS_LIST_NOT_FOUND, also where `uri` is of another form.
        """
        place = parse_list_uri(uri)
        if place is None:
            raise status_list_not_found(uri)
        with self._tables.view() as view:
            newest, found = view.newest_snapshot(), view.newest_status(*place)
        if newest is None:
            raise _nothing_yet()
        if found is None or found.digest not in newest.list_digests:
            raise status_list_not_found(uri)
        return found


def _nothing_yet() -> TransientError:
    """Returns what is told while the database is restored under a service that runs.

    It started with all that is published, which will be there again.
    """
    return TransientError("the database holds nothing that is published")

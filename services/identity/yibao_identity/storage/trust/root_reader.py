"""Verifies roots of trust before they are stored."""

from yibao.trust import QrError, TrustRoot
from yibao_identity.application.trust.rows import InvalidRootError, Root


class SdkRootReader:
    """Reads roots as every verifier does; see `application.trust.rows.RootReader`."""

    def read(self, document: bytes, *, previous: Root | None) -> Root:
        """Returns the root in a document that follows `previous`, or is the first."""
        try:
            if previous is None:
                root = TrustRoot.first(document)
            else:
                root = TrustRoot.first(previous.document).successor(document)
        except QrError as error:
            raise InvalidRootError(error.message) from None
        return Root(root.version, root.expire_time, root.trust_keys, document)

"""A holder acts for its own e-certificate alone; trying another's is put on record."""

from yibao_common.commands.blocking import Blocking
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_identity.application.certificates import Certificates


class OwnCertificate:
    """What the methods that store nothing ask before they read."""

    _certificates: Certificates
    _blocking: Blocking

    async def _require_own(
        self, caller: Caller, *, method: str, region: str, certificate_id: str
    ) -> None:
        """Refuses callers of another region, and holders of another certificate.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        caller.require_region(region)
        try:
            caller.require_certificate(certificate_id)
        except RuleError:
            await self._blocking.run(
                self._certificates.record_foreign,
                caller,
                method=method,
                region=region,
                certificate_id=certificate_id,
            )
            raise

"""Who answers about papers: nobody, where the service was given no keys for them."""

from yibao.offsite.v1 import material_pb2 as messages
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.change import MaterialChanges
from yibao_offsite.application.material.read import Readings
from yibao_offsite.application.material.upload import Uploads
from yibao_offsite.rules.material.access import may_read
from yibao_offsite.rules.material.material import Material
from yibao_offsite.servicer.material.messages import message


class Papers:
    """Uploads, readings and changes, where papers are kept."""

    def __init__(
        self,
        uploads: Uploads | None = None,
        readings: Readings | None = None,
        changes: MaterialChanges | None = None,
    ) -> None:
        """Takes all of them, or none."""
        self._uploads = uploads
        self._readings = readings
        self._changes = changes

    @property
    def uploads(self) -> Uploads:
        """What takes files in. Raises RuleError MATERIALS_NOT_KEPT."""
        if self._uploads is None:
            raise _not_kept()
        return self._uploads

    @property
    def readings(self) -> Readings:
        """What reads papers. Raises RuleError MATERIALS_NOT_KEPT."""
        if self._readings is None:
            raise _not_kept()
        return self._readings

    @property
    def changes(self) -> MaterialChanges:
        """What changes papers. Raises RuleError MATERIALS_NOT_KEPT."""
        if self._changes is None:
            raise _not_kept()
        return self._changes

    def message(self, material: Material, caller: Caller) -> messages.Material:
        """Returns a paper as this caller is sent it."""
        reads = may_read(material, caller, self.readings.evidence_readers)
        return message(material, may_read=reads)


def _not_kept() -> RuleError:
    return RuleError(
        Reason.MATERIALS_NOT_KEPT,
        "the service keeps no papers: its configuration has no [personal_data]",
    )

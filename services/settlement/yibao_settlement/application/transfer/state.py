"""What a batch knows of transfers, and what it writes of them."""

from dataclasses import dataclass, field

from yibao_settlement.rules.transfer import Direction, Transfer, TransferState


@dataclass(slots=True)
class Transfers:
    """Transfers of the persons and numbers that commands named."""

    by_id: dict[str, Transfer] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    def add(self, transfer: Transfer) -> None:
        """Keeps a transfer that is new."""
        self.by_id[transfer.transfer_id] = transfer
        self.added.append(transfer.transfer_id)

    def change(self, transfer: Transfer) -> None:
        """Keeps a transfer as it is now."""
        self.by_id[transfer.transfer_id] = transfer
        if transfer.transfer_id not in self.added:
            self.changed.add(transfer.transfer_id)

    def numbered(
        self, direction: Direction, other_region: str, transfer_number: str
    ) -> Transfer | None:
        """Returns the transfer of a number that was not cancelled."""
        wanted = direction, other_region, transfer_number
        for each in self.by_id.values():
            own = each.direction, each.other_region, each.transfer_number
            if own == wanted and each.state is not TransferState.CANCELLED:
                return each
        return None

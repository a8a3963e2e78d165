"""CardService over mutual TLS and a real database, with a clock to turn."""

import contextlib
import datetime as dt
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.card_acts import DOCUMENT, NUMBER, PIN, REGION
from support.card_desk import CardDesk
from support.memory.first_use import AnsweredFirstUses
from support.serving import channel_credentials, open_test_log

from yibao.identity.v1 import card_pb2, card_service_pb2, card_service_pb2_grpc, person_pb2
from yibao.identity.v1 import card_use_messages_pb2 as uses_pb2
from yibao.identity.v1 import loss_messages_pb2 as loss_pb2
from yibao.identity.v1 import pin_messages_pb2 as pin_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import ServerConfig
from yibao_common.rpc.server import Server
from yibao_common.rpc.wire import from_instant
from yibao_common.values.ids import new_id
from yibao_identity.access import ACCESS
from yibao_identity.card_parts import card_servicer
from yibao_identity.pin_hashing import PinHasher
from yibao_identity.servicer.card.account_record import NoAccountRecords
from yibao_identity.servicer.person.limit import chip_limit
from yibao_identity.storage.trust.signing import TokenSigner

SERVICE = card_service_pb2.DESCRIPTOR.services_by_name["CardService"]
PEPPER = b"\x33" * 32
SHOWN = person_pb2.ShownDocument(
    certificate_type=DOCUMENT.certificate_type, certificate_number=NUMBER
)
STRANGER = person_pb2.ShownDocument(certificate_type="01", certificate_number="999019198001010018")
PAPERS = card_pb2.LossPapers(
    employer_letter_reference="letter/1", office_confirmation_reference="stamp/1"
)
CALLERS = {
    "agency": f"agency/{REGION}/wang",
    "other-agency": "agency/330100/li",
    "bank": f"bank/{REGION}/CCB001/sun",
    "other-bank": f"bank/{REGION}/ICBC01/qian",
    "hospital": "institution/H50011200001",
    "terminal": "terminal/H50011200001/T1",
    "pharmacy": "terminal/P50011200001/T1",
    "channel": "channel/wallet",
    "supervisor": f"supervisor/{REGION}/zhou",
    "settlement": "service/settlement",
}


def make_card_files(folder: Path) -> Path:
    """Makes the certificates of the server and its callers in `folder`; returns it."""
    leaves = [Leaf(name, path) for name, path in CALLERS.items()]
    issue_dev_certificates(folder, [Leaf("server", "service/identity", is_server=True), *leaves])
    return folder


@dataclass
class CardWorld:
    """A server that runs, its database from inside, and requests in a line each."""

    port: int
    folder: Path
    desk: CardDesk
    signer: TokenSigner
    lines: io.StringIO
    first_uses: AnsweredFirstUses
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    def cards(self, name: str = "bank") -> Any:
        """Returns a stub that calls as `name`."""
        if name not in self._channels:
            self._channels[name] = grpc.aio.secure_channel(
                f"localhost:{self.port}",
                channel_credentials(self.folder, name),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
        return card_service_pb2_grpc.CardServiceStub(self._channels[name])

    async def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close()

    def holder(self, person_id: str) -> str:
        """Gives a person an e-certificate and a client certificate; returns its name."""
        certificate_id = self.desk.certificate(person_id)
        issue_dev_certificates(self.folder, [Leaf(certificate_id, f"holder/{certificate_id}")])
        return certificate_id

    # What is sent; `fields` replace parts of it.

    def issue(self, person_id: str, **fields: Any) -> card_service_pb2.IssueCardRequest:
        number = new_id()[-12:]
        values = {
            **self._head(),
            "person_id": person_id,
            "card_serial": f"S{number}",
            "chip_number": f"C{number}",
            "standard_version": "3",
            "bank_code": "CCB001",
            **fields,
        }
        return card_service_pb2.IssueCardRequest(**values)

    def chip(self, card: Any, *, late: dt.timedelta = dt.timedelta()) -> card_pb2.ChipRead:
        return card_pb2.ChipRead(
            card_serial=card.card_serial,
            chip_number=card.chip_number,
            read_time=from_instant(self.desk.now + late),
        )

    def at_counter(self, card: Any, **fields: Any) -> card_service_pb2.ActivateCardRequest:
        values = {
            **self._head(),
            "card_id": card.card_id,
            "counter": card_service_pb2.CounterEvidence(
                is_original_card_shown=True, document=SHOWN
            ),
            **fields,
        }
        return card_service_pb2.ActivateCardRequest(**values)

    def at_hospital(self, card: Any, **fields: Any) -> card_service_pb2.ActivateCardRequest:
        evidence = {"chip": self.chip(card), "provider_visit_number": "V1", **fields}
        return card_service_pb2.ActivateCardRequest(
            **self._head(), hospital=card_service_pb2.HospitalEvidence(**evidence)
        )

    def at_pharmacy(self, card: Any, **fields: Any) -> card_service_pb2.ActivateCardRequest:
        evidence = {"chip": self.chip(card), **fields}
        return card_service_pb2.ActivateCardRequest(
            **self._head(), pharmacy=card_service_pb2.PharmacyEvidence(**evidence)
        )

    def set_pin(self, card: Any, pin: str = PIN, **fields: Any) -> pin_pb2.SetPinRequest:
        values = {
            **self._of(card),
            "pin": pin,
            "is_original_card_shown": True,
            "document": SHOWN,
            **fields,
        }
        return pin_pb2.SetPinRequest(**values)

    def verify(self, card: Any, pin: str = PIN, **fields: Any) -> pin_pb2.VerifyPinRequest:
        values = {**self._head(), "chip": self.chip(card), "pin": pin, **fields}
        return pin_pb2.VerifyPinRequest(**values)

    def change(self, card: Any, new: str, **fields: Any) -> pin_pb2.ChangePinRequest:
        return pin_pb2.ChangePinRequest(**{**self._of(card), "new_pin": new, **fields})

    def report_pin(self, card: Any, **fields: Any) -> pin_pb2.ReportPinLostRequest:
        values = {**self._of(card), "document": SHOWN, **fields}
        return pin_pb2.ReportPinLostRequest(**values)

    def reset(self, card: Any, new: str, **fields: Any) -> pin_pb2.ResetPinRequest:
        values = {**self._of(card), "new_pin": new, "document": SHOWN, **fields}
        return pin_pb2.ResetPinRequest(**values)

    def lose(self, card: Any, **fields: Any) -> loss_pb2.ReportCardLossRequest:
        return loss_pb2.ReportCardLossRequest(**{**self._of(card), **fields})

    def order(self, card: Any, **fields: Any) -> loss_pb2.OrderReplacementRequest:
        values = {**self._of(card), "papers": PAPERS, "document": SHOWN, **fields}
        return loss_pb2.OrderReplacementRequest(**values)

    def collect(self, card: Any, **fields: Any) -> loss_pb2.CollectReplacementRequest:
        number = new_id()[-12:]
        values = {
            **self._of(card),
            "card_serial": f"S{number}",
            "chip_number": f"C{number}",
            "document": SHOWN,
            **fields,
        }
        return loss_pb2.CollectReplacementRequest(**values)

    def surrender(self, card: Any, **fields: Any) -> card_service_pb2.CloseCardRequest:
        values = {
            **self._of(card),
            "closing": card_service_pb2.CARD_CLOSING_SURRENDERED,
            "is_original_card_shown": True,
            "document": SHOWN,
            **fields,
        }
        return card_service_pb2.CloseCardRequest(**values)

    def list_transactions(self, card: Any, **fields: Any) -> uses_pb2.ListCardTransactionsRequest:
        values = {
            "region": REGION,
            "card_id": card.card_id,
            "is_original_card_shown": True,
            "document": SHOWN,
            **fields,
        }
        return uses_pb2.ListCardTransactionsRequest(**values)

    def authorize(self, card: Any, pin: str = PIN, **fields: Any) -> uses_pb2.AuthorizeCardRequest:
        values = {
            **self._head(),
            "chip": self.chip(card),
            "pin": pin,
            "audience": "01301",
            **fields,
        }
        return uses_pb2.AuthorizeCardRequest(**values)

    def print(self, card: Any, **fields: Any) -> uses_pb2.PrintTransactionsRequest:
        values = {
            **self._of(card),
            "is_original_card_shown": True,
            "document": SHOWN,
            **fields,
        }
        return uses_pb2.PrintTransactionsRequest(**values)

    async def active(self) -> Any:
        """Returns a card in use, with its PIN."""
        card = (await self.cards().IssueCard(self.issue(self.desk.person()))).card
        await self.cards().SetPin(self.set_pin(card))
        return (await self.cards().ActivateCard(self.at_counter(card))).card

    def _head(self) -> dict[str, Any]:
        return {"request_id": new_id(), "region": REGION}

    def _of(self, card: Any) -> dict[str, Any]:
        return {**self._head(), "card_id": card.card_id}


@contextlib.asynccontextmanager
async def serving_cards(
    folder: Path,
    database: Database,
    *,
    now: dt.datetime | None = None,
    chip_misses_per_minute: int = 600,
) -> AsyncIterator[CardWorld]:
    """Runs the service in this process, with the certificates of `make_card_files`."""
    desk = CardDesk(database)
    if now is not None:
        desk.now = now
    signer = TokenSigner(Ed25519PrivateKey.generate())
    hasher, blocking = PinHasher([PEPPER]), Blocking()
    first_uses = AnsweredFirstUses()
    log, lines = open_test_log("debug")
    servicer = card_servicer(
        desk.cards,
        desk.losses,
        desk.pins,
        desk.uses,
        desk.operations,
        blocking,
        hasher=hasher,
        signer=signer,
        first_uses=first_uses,
        account_records=NoAccountRecords(),
        chips=chip_limit(chip_misses_per_minute),
        clock=lambda: desk.now,
    )
    config = ServerConfig.model_validate(
        {
            "address": "127.0.0.1:0",
            "certificate_file": folder / "server.pem",
            "key_file": folder / "server.key",
            "client_ca_file": folder / "ca.pem",
        }
    )
    server = Server(
        config,
        service_name="identity",
        register=lambda each: card_service_pb2_grpc.add_CardServiceServicer_to_server(
            servicer, each
        ),
        descriptors=[SERVICE],
        access=ACCESS,
        log=log,
        clock=lambda: desk.now,
    )
    world = CardWorld(await server.start(), folder, desk, signer, lines, first_uses)
    try:
        yield world
    finally:
        await world.close()
        await server.drain()
        hasher.close()
        blocking.close()

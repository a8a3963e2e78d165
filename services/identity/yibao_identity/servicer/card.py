"""CardService: physical cards, their life, PINs and use."""

from yibao.identity.v1 import card_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_identity.application.card_use import CardUses, PinHashing, Pins
from yibao_identity.application.cards import Cards
from yibao_identity.application.ports import CodeSigner
from yibao_identity.servicer.card_life import CardLifeMethods
from yibao_identity.servicer.card_loss import CardLossMethods
from yibao_identity.servicer.card_pin import PinMethods
from yibao_identity.servicer.card_use import CardUseMethods


class CardServicer(
    CardLifeMethods, CardLossMethods, PinMethods, CardUseMethods, rpc.CardServiceServicer
):
    """All methods of the service, from a file for each part of it."""

    def __init__(
        self,
        cards: Cards,
        pins: Pins,
        uses: CardUses,
        blocking: Blocking,
        *,
        hasher: PinHashing,
        signer: CodeSigner,
    ) -> None:
        """Takes storage, what hashes PINs and what signs codes."""
        self._cards = cards
        self._pins = pins
        self._uses = uses
        self._blocking = blocking
        self._hasher = hasher
        self._signer = signer

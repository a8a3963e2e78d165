"""CredentialService: whose code it is, and a token in the code's place."""

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

import grpc

from yibao import qr
from yibao.settlement.v1 import credential_service_pb2 as pb
from yibao.settlement.v1 import credential_service_pb2_grpc as rpc
from yibao.settlement.v1.family_pb2 import FamilyRelation
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import as_sent, from_date, from_instant
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.resolution import RESOLVE_METHOD, ResolveCredential
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.resolution import Resolution
from yibao_settlement.rules.token import SEED_BYTES, hash_of, token_of
from yibao_settlement.rules.visit import audiences_taken
from yibao_settlement.servicer.elsewhere.messages import registration_message
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.presentation import check_is_code
from yibao_settlement.servicer.trust.holder import TrustHolder


class CredentialServicer(rpc.CredentialServiceServicer):
    """Resolves codes through the batcher, asking identity for news where these may help."""

    def __init__(
        self,
        news: News,
        *,
        trust: TrustHolder,
        regions: Collection[str],
        valid_for: dt.timedelta,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes the regions that are served, and for how long tokens are good."""
        self._news = news
        self._trust = trust
        self._regions = frozenset(regions)
        self._valid_for = valid_for
        self._clock = clock
        self._random_bytes = random_bytes

    async def ResolveCredential(
        self,
        request: pb.ResolveCredentialRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ResolveCredentialRequest, pb.ResolveCredentialResponse]"
        ),
    ) -> pb.ResolveCredentialResponse:
        """Resolves a code; a repeat gets the same token, which is not stored."""
        caller = current_caller()
        check_is_code(request.presentation)
        _check_audience(request.audience, caller.own_institution())
        region = self._region_of(request.presentation.qr_text)
        contents = request.SerializeToString()
        code = self._trust.judge(
            request.presentation,
            region=region,
            audience=request.audience,
            caller=caller,
            now=self._clock(),
        )
        seed = self._random_bytes(SEED_BYTES)
        command = ResolveCredential(
            Request.of(
                caller,
                method=RESOLVE_METHOD,
                region=region,
                request_id=request.request_id,
                contents=contents,
            ),
            code,
            request.audience,
            hash_of(token_of(region, seed=seed, contents=contents)),
            self._valid_for,
            lambda region, resolution: resolved(region, resolution, seed=seed),
        )
        stored = await self._news.submit(region, command)
        answer = pb.ResolveCredentialResponse.FromString(stored)
        # What is stored is the seed of the first answer, so that a repeat gets its token.
        seed = bytes.fromhex(answer.credential_token)
        answer.credential_token = token_of(region, seed=seed, contents=contents)
        return as_sent(pb.ResolveCredentialResponse, answer.SerializeToString())

    def _region_of(self, qr_text: str) -> str:
        """Returns the region that a code says to be of, which is to decide whether it is.

        Raises RuleError QR_MALFORMED, REGION_NOT_SERVED.
        """
        try:
            region = qr.issuer_of(qr_text)
        except qr.QrError as error:
            raise RuleError(Reason.QR_MALFORMED, str(error)) from None
        if region not in self._regions:
            raise RuleError(
                Reason.REGION_NOT_SERVED,
                f"the code says that region {region} issued it, which is not served here",
                issuer=region,
            )
        return region


def _check_audience(audience: str, institution_id: str) -> None:
    taken = audiences_taken(institution_id)
    if audience not in taken:
        fault = f"is one of {', '.join(taken)} at this institution"
        refuse_faults([FieldFault("audience", Reason.FIELD_OUT_OF_RANGE, fault)])


def resolved(region: str, resolution: Resolution, *, seed: bytes) -> bytes:
    """Returns a serialized ResolveCredentialResponse that has the token's seed in its place."""
    return pb.ResolveCredentialResponse(
        region=region,
        person_id=resolution.person_id,
        person_name_masked=resolution.described.person_name_masked,
        gender=resolution.described.gender,
        birth_date=from_date(resolution.birth_date),
        enrolments=[
            _enrolment_message(each, is_paying=each is resolution.paying)
            for each in resolution.enrolments
        ],
        diseases=map(_disease_message, resolution.diseases),
        account_balance_fen=resolution.account_balance_fen,
        account_may_pay=resolution.account_may_pay,
        credential_token=seed.hex(),
        token_expire_time=from_instant(resolution.token_expire_time),
        family_available_fen=resolution.family_available_fen,
        relatives=[
            pb.ResolvedRelative(
                relation=FamilyRelation.ValueType(relation),
                relative_name_masked=described.person_name_masked,
            )
            for relation, described in resolution.relatives
        ],
        registrations=map(registration_message, resolution.registrations),
    ).SerializeToString()


def _enrolment_message(enrolment: Enrolment, *, is_paying: bool) -> pb.ResolvedEnrolment:
    return pb.ResolvedEnrolment(
        insurance_type=enrolment.insurance_type,
        person_class=enrolment.person_class,
        entitlement_groups=enrolment.entitlement_groups,
        status=enrolment.status,
        is_premium_pending=enrolment.is_premium_pending,
        tier=enrolment.tier,
        is_paying=is_paying,
        **_days(enrolment.start_date, enrolment.end_date),
    )


def _disease_message(disease: RegisteredDisease) -> pb.ResolvedDisease:
    days = _days(disease.start_date, disease.end_date)
    return pb.ResolvedDisease(disease_code=disease.disease_code, **days)


def _days(start_date: dt.date, end_date: dt.date | None) -> dict[str, Any]:
    days = {"start_date": from_date(start_date)}
    return days if end_date is None else {**days, "end_date": from_date(end_date)}

"""Phones over mutual TLS: enrolled, shown offline, renewed, copied, revoked."""

import asyncio
import copy
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.databases import Databases
from support.identity_world import (
    OTHER_REGION,
    REGION,
    Identity,
    IdentityFiles,
    activation,
    citizen_number,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
from support.phones import AppPhone, PrivateKey
from support.serving import channel_credentials, reason_in

from yibao import _ed25519, qr
from yibao.identity.v1 import device_messages_pb2 as pb
from yibao.identity.v1 import device_pb2
from yibao.trust import QrError, TrustSnapshot
from yibao.trust_client import TrustClient
from yibao.trust_store import TrustStore
from yibao_common.keys.dev_ca import Leaf
from yibao_common.values.ids import new_id

PACKAGE = "yibao_identity"
AUDIENCE = "01301"
START = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)
HOUR, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)
P = 2**255 - 19
LOW_ORDER = [
    (y | sign << 255).to_bytes(32, "little")
    for low in sorted(_ed25519.LOW_ORDER_Y)
    for y in (low, low + P)
    if y < 1 << 255
    for sign in (0, 1)
]


@dataclass
class Town:
    """A service with a clock to turn, and a terminal that fetches trust from it."""

    identity: Identity
    files: IdentityFiles
    store: TrustStore
    now: dt.datetime = START

    async def phone(
        self, sequence: int = 1, *, private_key: PrivateKey | None = None, name: str = "channel"
    ) -> AppPhone:
        """Returns an enrolled phone of somebody new."""
        person = await self.identity.register(citizen_number(sequence))
        certificate = await self.identity.activate(person.person_id)
        stub = self.identity.certificates(name)
        return await AppPhone(stub, certificate.certificate_id, private_key=private_key).enrol()

    def holder(self, certificate_id: str) -> Any:
        """Returns a stub for the holder of a certificate."""
        name = f"holder-{certificate_id}"
        self.files.issue(Leaf(name, f"holder/{certificate_id}"))
        return self.identity.certificates(name)

    async def fetch(self) -> TrustSnapshot:
        """Returns the newest trust snapshot with its lists, as the terminal takes it over."""
        return await asyncio.to_thread(self.store.refresh, now=self.now)

    async def fetch_until(self, accepts: Callable[[TrustSnapshot], bool]) -> TrustSnapshot:
        """Fetches until what was published is as wanted."""
        async with asyncio.timeout(20):
            while not accepts(trust := await self.fetch()):
                await asyncio.sleep(0.05)
        return trust

    def verify(self, text: str, trust: TrustSnapshot, **fields: Any) -> qr.Claims:
        return qr.verify(text, trust=trust, audience=AUDIENCE, now=self.now, **fields)

    def error(self, text: str, trust: TrustSnapshot, **fields: Any) -> str:
        """Returns the name of the error by which a code is refused."""
        with pytest.raises(QrError) as refused:
            self.verify(text, trust, **fields)
        return refused.value.error


Scenario = Callable[[Town], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("devices"))


@pytest.fixture
def run(
    databases: Databases, files: IdentityFiles, tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """Runs a scenario against a service over a new database; returns the log."""

    @asynccontextmanager
    async def town(**tables: Any) -> AsyncIterator[Town]:
        url = databases.migrated_url(PACKAGE)
        made: list[Town] = []

        def clock() -> dt.datetime:
            return made[0].now if made else START

        async with serving_identity(files, url, clock=clock, **tables) as identity:
            channel = grpc.secure_channel(
                f"localhost:{identity.port}",
                channel_credentials(files.folder, "hospital"),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
            store = TrustStore(
                first_root=files.root,
                cache_folder=tmp_path / "cache",
                state_folder=tmp_path / "state",
                source=TrustClient(channel),
            )
            made.append(Town(identity, files, store))
            yield made[0]
            channel.close()

    def run_scenario(scenario: Scenario, **tables: Any) -> list[dict[str, Any]]:
        async def main() -> str:
            async with town(**tables) as place:
                await scenario(place)
            return place.identity.lines.getvalue()

        return [json.loads(line) for line in asyncio.run(main()).splitlines()]

    return run_scenario


@pytest.mark.parametrize(
    "make_key",
    [Ed25519PrivateKey.generate, partial(ec.generate_private_key, ec.SECP256R1())],
    ids=["Ed25519", "P-256"],
)
def test_a_code_that_the_phone_signs_is_verified_offline(
    run: Callable[..., object], make_key: Callable[[], PrivateKey]
) -> None:
    """I-01, I-02: it lives for a minute, and a screenshot of it no longer."""

    async def scenario(town: Town) -> None:
        phone = await town.phone(private_key=make_key())
        device_certificate_id = bytes.fromhex(phone.newest.device_certificate_id)
        trust = await town.fetch()
        # Phone and terminal are without a network from here on.
        town.now += HOUR
        text = phone.show(town.now)
        claims = town.verify(text, trust)
        assert (claims.mode, claims.issuer, claims.audience) == ("B", REGION, AUDIENCE)
        assert claims.device_certificate_id == device_certificate_id
        assert claims.presentation_key == (device_certificate_id.hex(), claims.code_id.hex())
        with pytest.raises(QrError, match="wrong_audience"):
            qr.verify(text, trust=trust, audience="01101", now=town.now)
        # The leeway of mode B is 30 s, because the phone's clock signed.
        town.now += 90 * SECOND - dt.timedelta(microseconds=1)
        town.verify(text, trust)
        town.now += dt.timedelta(microseconds=1)
        assert town.error(text, trust) == "expired"

    run(scenario)


def test_a_code_answers_the_challenge_of_its_terminal_and_no_other(
    run: Callable[..., object],
) -> None:
    """I-03: what is relayed to another counter does not fit there."""

    async def scenario(town: Town) -> None:
        phone = await town.phone()
        trust = await town.fetch()
        text = phone.show(town.now, challenge=b"counter1")
        assert town.verify(text, trust, challenge=b"counter1").challenge == b"counter1"
        assert town.error(text, trust, challenge=b"counter2") == "wrong_audience"
        plain = phone.show(town.now)
        assert town.error(plain, trust, challenge=b"counter1") == "wrong_audience"

    run(scenario)


def test_phones_of_all_regions_are_verified_by_one_snapshot(run: Callable[..., object]) -> None:
    """I-12: one form of e-certificate, valid in every region."""

    async def scenario(town: Town) -> None:
        first = await town.phone()
        elsewhere = registration(citizen_number(2), region=OTHER_REGION)
        answer = await town.identity.persons("other-agency").RegisterPerson(elsewhere)
        activated = await town.identity.certificates().ActivateCertificate(
            activation(answer.person.person_id, region=OTHER_REGION)
        )
        second = AppPhone(
            town.identity.certificates(),
            activated.certificate.certificate_id,
            region=OTHER_REGION,
        )
        await second.enrol()
        trust = await town.fetch()
        issuers = [town.verify(phone.show(town.now), trust).issuer for phone in (first, second)]
        assert issuers == [REGION, OTHER_REGION]

    run(scenario)


def test_a_revoked_phone_is_refused_once_the_next_list_is_out(run: Callable[..., object]) -> None:
    async def scenario(town: Town) -> None:
        phone = await town.phone()
        trust = await town.fetch()
        town.verify(phone.show(town.now), trust)
        town.now += 10 * SECOND
        answer = await town.identity.certificates("agency").RevokeDevice(phone.revocation())
        assert answer.device.state == device_pb2.DEVICE_STATE_REVOKED
        assert answer.device.revoke_time.ToDatetime(tzinfo=dt.UTC) == town.now
        # A terminal without a network still accepts it, as long as its list is young.
        text = phone.show(town.now)
        town.verify(text, trust)
        # A list that was being made at that moment may come before the next one.
        newer = await town.fetch_until(lambda fetched: _is_refused(town, text, fetched))
        assert newer.version > trust.version
        assert town.error(text, newer) == "revoked"
        error = await refusal(phone.stub.RenewDeviceCertificate(await phone.renewal()))
        assert reason_in(error) == "DEVICE_REVOKED"
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION

    run(scenario)


def test_a_phone_renews_at_half_of_the_life_and_goes_on(run: Callable[..., object]) -> None:
    async def scenario(town: Town) -> None:
        phone = await town.phone()
        newest = phone.newest
        issued, renew, expire = (
            time.ToDatetime(tzinfo=dt.UTC)
            for time in (newest.issue_time, newest.renew_time, newest.expire_time)
        )
        assert (issued, renew, expire) == (START, START + 12 * HOUR, START + 24 * HOUR)
        former = copy.copy(phone)
        town.now = renew
        await phone.renew()
        trust = await town.fetch()
        town.verify(phone.show(town.now), trust)
        # The one before holds to its own end.
        town.verify(former.show(town.now), trust)
        town.now = expire
        with pytest.raises(ValueError, match="renew it"):
            former.show(town.now)
        trust = await town.fetch()
        town.verify(phone.show(town.now), trust)

    run(scenario, devices={"certificate_hours": 24})


def test_a_copied_key_is_found_when_both_renew(run: Callable[..., list[dict[str, Any]]]) -> None:
    async def scenario(town: Town) -> None:
        phone = await town.phone()
        thief = copy.copy(phone)
        await thief.renew()
        town.verify(thief.show(town.now), await town.fetch())
        request = await phone.renewal()
        for _ in range(2):
            error = await refusal(phone.stub.RenewDeviceCertificate(request))
            assert reason_in(error) == "DEVICE_CLONE_SUSPECTED"
        assert (
            reason_in(await refusal(thief.stub.RenewDeviceCertificate(await thief.renewal())))
            == "DEVICE_REVOKED"
        )
        town.now += SECOND
        texts = [each.show(town.now) for each in (phone, thief)]
        trust = await town.fetch_until(lambda fetched: _is_refused(town, texts[1], fetched))
        assert [town.error(text, trust) for text in texts] == ["revoked", "revoked"]
        listed = await _list(town, phone.certificate_id)
        assert [device.state for device in listed] == [device_pb2.DEVICE_STATE_CLONE_SUSPECTED]
        fresh = AppPhone(phone.stub, phone.certificate_id)
        await fresh.enrol()
        town.verify(fresh.show(town.now), await town.fetch())

    log = run(scenario)
    alarms = [line for line in log if line["event"] == "device clone suspected"]
    assert [(line["level"], line["region"]) for line in alarms] == [("error", REGION)]


@pytest.mark.parametrize("public_key", LOW_ORDER, ids=bytes.hex)
def test_a_key_of_low_order_is_not_enrolled(
    run: Callable[..., object], databases: Databases, public_key: bytes
) -> None:
    if databases.kind != "sqlite":
        pytest.skip("the database has no part in it")

    async def scenario(town: Town) -> None:
        phone = await town.phone()
        # S zero and R the identity: such a signature fits every message under some of them.
        signature = (1).to_bytes(32, "little") + bytes(32)
        request = await phone.enrolment(public_key=public_key, signature=signature)
        error = await refusal(phone.stub.EnrolDevice(request))
        assert reason_in(error) == "DEVICE_KEY_REFUSED"
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT

    run(scenario)


def test_what_is_wrong_with_an_enrolment_is_told(run: Callable[..., object]) -> None:
    async def scenario(town: Town) -> None:
        phone, other = await town.phone(1), await town.phone(2)
        fresh = AppPhone(phone.stub, phone.certificate_id)
        cases: list[tuple[dict[str, Any], str]] = [
            ({"signature": bytes(64)}, "DEVICE_PROOF_INVALID"),
            ({"challenge": await other.challenge()}, "DEVICE_CHALLENGE_INVALID"),
            ({"challenge": bytes(56)}, "DEVICE_CHALLENGE_INVALID"),
            ({"challenge": bytes(55)}, "FIELD_LENGTH"),
            ({"algorithm": device_pb2.KEY_ALGORITHM_P256}, "DEVICE_KEY_REFUSED"),
            ({"algorithm": 9}, "FIELD_OUT_OF_RANGE"),
            ({"algorithm": 0}, "FIELD_REQUIRED"),
            ({"attestation": bytes(8193)}, "FIELD_LENGTH"),
            ({"device_name": ""}, "FIELD_REQUIRED"),
            ({"certificate_id": new_id()}, "DEVICE_CHALLENGE_INVALID"),
        ]
        for changes, reason in cases:
            error = await refusal(phone.stub.EnrolDevice(await fresh.enrolment(**changes)))
            assert reason_in(error) == reason, changes
        expired = await fresh.enrolment()
        town.now += dt.timedelta(minutes=5)
        error = await refusal(phone.stub.EnrolDevice(expired))
        assert reason_in(error) == "DEVICE_CHALLENGE_INVALID"
        again = AppPhone(phone.stub, phone.certificate_id, private_key=phone.private_key)
        error = await refusal(phone.stub.EnrolDevice(await again.enrolment()))
        assert reason_in(error) == "DEVICE_EXISTS"
        for _ in range(2):
            await AppPhone(phone.stub, phone.certificate_id).enrol()
        error = await refusal(phone.stub.EnrolDevice(await fresh.enrolment()))
        assert reason_in(error) == "DEVICE_LIMIT"
        malformed = await phone.renewal(device_certificate_id="0123456789ABCDEF")
        error = await refusal(phone.stub.RenewDeviceCertificate(malformed))
        assert reason_in(error) == "FIELD_MALFORMED"
        assert len(await _list(town, phone.certificate_id)) == 3

    run(scenario)


def test_a_repeated_enrolment_and_renewal_get_the_same_bytes(run: Callable[..., object]) -> None:
    async def scenario(town: Town) -> None:
        phone = await town.phone()
        fresh = AppPhone(phone.stub, phone.certificate_id)
        enrolment, renewal = await fresh.enrolment(), await phone.renewal()
        for method, request in (
            (phone.stub.EnrolDevice, enrolment),
            (phone.stub.RenewDeviceCertificate, renewal),
        ):
            answers = {(await method(request)).SerializeToString() for _ in range(3)}
            assert len(answers) == 1
        enrolment.device_name = "别的"
        error = await refusal(phone.stub.EnrolDevice(enrolment))
        assert reason_in(error) == "REQUEST_ID_REUSED"

    run(scenario)


def test_a_holder_acts_for_its_own_phones_alone(run: Callable[..., object]) -> None:
    async def scenario(town: Town) -> None:
        phone, other = await town.phone(1), await town.phone(2)
        own, foreign = town.holder(phone.certificate_id), town.holder(other.certificate_id)
        listing = pb.ListDevicesRequest(region=REGION, certificate_id=phone.certificate_id)
        challenge = pb.GetDeviceChallengeRequest(region=REGION, certificate_id=phone.certificate_id)
        refused = (
            foreign.GetDeviceChallenge(challenge),
            foreign.ListDevices(listing),
            foreign.EnrolDevice(await phone.enrolment()),
            foreign.RenewDeviceCertificate(await phone.renewal()),
            foreign.RevokeDevice(phone.revocation()),
            town.identity.certificates("other-agency").ListDevices(listing),
            town.identity.certificates("other-agency").RevokeDevice(phone.revocation()),
        )
        for call in refused:
            assert reason_in(await refusal(call)) == "OUT_OF_SCOPE"
        for name in ("agency", "supervisor", "hospital"):
            error = await refusal(town.identity.certificates(name).GetDeviceChallenge(challenge))
            assert reason_in(error) == "CALLER_NOT_ALLOWED"
        for name in ("agency", "supervisor", "channel"):
            listed = await town.identity.certificates(name).ListDevices(listing)
            assert [device.device_id for device in listed.devices] == [phone.device.device_id]
        phone.stub = own
        await phone.renew()
        await own.RevokeDevice(phone.revocation(pb.DEVICE_REVOCATION_RETIRED))
        (device,) = (await own.ListDevices(listing)).devices
        assert device.state == device_pb2.DEVICE_STATE_REVOKED
        assert (device.device_name, device.public_key) == ("华为", phone.public_key)

    run(scenario)


def _is_refused(town: Town, text: str, trust: TrustSnapshot) -> bool:
    try:
        town.verify(text, trust)
    except QrError as error:
        return error.error == "revoked"
    return False


async def _list(town: Town, certificate_id: str) -> list[Any]:
    request = pb.ListDevicesRequest(region=REGION, certificate_id=certificate_id)
    return list((await town.identity.certificates().ListDevices(request)).devices)

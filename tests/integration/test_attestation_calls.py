"""Attestations over the wire: identity lists the key, offsite signs, the SDK verifies."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.databases import Databases
from support.identity_world import IdentityFiles, make_identity_files, refusal, serving_identity
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in

from yibao import attestation
from yibao.attestation import QrError
from yibao.attesting import KeyRequest, read_key_request, sign_key_request
from yibao.identity.v1 import trust_service_pb2
from yibao.issuing import key_id_of
from yibao.offsite.v1 import attestation_service_pb2 as pb
from yibao.offsite.v1 import attestation_service_pb2_grpc as rpc
from yibao.trust import TrustRoot, TrustSnapshot
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.dev_ca import Leaf
from yibao_common.keys.key_store import read_public_key
from yibao_common.keys.opening import KeysConfig, open_key_store
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_identity.application.trust.admin import RequestedKey
from yibao_identity.rules.trust.published import KeyUse
from yibao_identity.trust_setup import open_trust_admin
from yibao_offsite.application.work import Work
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService
from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import UNIT

REGION = "330100"
# The hospital of the tests lies in Chongqing.
HOSPITALS_CITY = "500000"
WAIT_SECONDS = 15.0


@dataclasses.dataclass
class Both:
    """Identity and offsite, which run, and what a test does with them."""

    identity: Any
    files: IdentityFiles
    identity_url: str
    offsite_database: Database
    port: int
    channels: list[grpc.aio.Channel] = dataclasses.field(default_factory=list)

    def attestations(self, name: str) -> Any:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.secure_channel(
            f"localhost:{self.port}", channel_credentials(self.files.folder, name), options=options
        )
        self.channels.append(channel)
        return rpc.AttestationServiceStub(channel)

    def tell(self, care: RegisteredCare) -> None:
        """Tells settlement, as whoever registers does."""
        transactions: StoredTransactions[Work] = StoredTransactions(
            self.offsite_database, answers=tables.answer, unit=UNIT, clock=system_clock
        )
        transactions.change(REGION, lambda work: work.feed.tell_registration(care))

    async def trust(self) -> TrustSnapshot:
        answer = await self.identity.trust().GetTrustSnapshot(
            trust_service_pb2.GetTrustSnapshotRequest()
        )
        keys = TrustRoot.first(self.files.root).trust_keys
        return TrustSnapshot.verify(answer.snapshot, trust_key=keys, now=system_clock())

    async def status(self, uri: str, trust: TrustSnapshot) -> attestation.AttestedList:
        # Anyone with a certificate may ask.
        answer = await self.attestations("pharmacy").GetAttestationStatusList(
            pb.GetAttestationStatusListRequest(uri=uri)
        )
        return attestation.verify_list(answer.status_list, trust=trust, now=system_clock())


def care(**changes: Any) -> RegisteredCare:
    values: dict[str, Any] = {
        "registration_id": new_id(),
        "person_id": new_id(),
        "category": 4,
        "treatment_region": HOSPITALS_CITY,
        "terms": 3,
        "benefits": (1, 2, 3),
        "start_date": shanghai_day(system_clock()),
        "end_date": None,
        "is_void": False,
        "origin": 1,
        "version": 1,
    }
    return RegisteredCare(**(values | changes))


def request(of: RegisteredCare) -> pb.GetAttestationRequest:
    return pb.GetAttestationRequest(region=REGION, registration_id=of.registration_id)


@contextlib.asynccontextmanager
async def serving_both(
    databases: Databases, folder: Path, *, is_taken: bool = True
) -> AsyncIterator[Both]:
    """Runs both, over a key that offsite made and identity took in."""
    files = make_identity_files(folder)
    files.issue(
        Leaf("offsite-server", "service/offsite", is_server=True),
        Leaf("hangzhou", f"agency/{REGION}/wang"),
        Leaf("hangzhou-hospital", "institution/H33010600001"),
    )
    keys = KeysConfig(
        folder=folder / "offsite-keys", passphrase_file=files.values["keys"]["passphrase_file"]
    )
    keys.folder.mkdir()
    store = open_key_store(keys)
    public_key = store.make()
    identity_url = databases.migrated_url("yibao_identity")
    if is_taken:
        take(files, identity_url, sign_request(store, public_key))
    async with serving_identity(files, identity_url) as identity:
        offsite_database = databases.open("yibao_offsite")
        url = offsite_database.engine.url.render_as_string(hide_password=False)
        server = {
            **files.values["server"],
            "certificate_file": folder / "offsite-server.pem",
            "key_file": folder / "offsite-server.key",
        }
        config = OffsiteConfig.model_validate(
            {
                "server": server,
                "database": {"url": url},
                "identity": {"address": f"localhost:{identity.port}", "regions": [REGION]},
                "keys": keys.model_dump(),
                "attestation": {"root_file": folder / "root-1.cose", "trust_seconds": 0.2},
            }
        )
        log, _ = open_test_log()
        async with run_service(OffsiteService(config, log=log)) as port:
            both = Both(identity, files, identity_url, offsite_database, port)
            try:
                yield both
            finally:
                for channel in both.channels:
                    await channel.close()


def sign_request(store: Any, public_key: bytes) -> bytes:
    asked = KeyRequest(public_key, (REGION,), int(system_clock().timestamp()))
    return sign_key_request(asked, sign=store.find(public_key).sign)


def take(files: IdentityFiles, url: str, data: bytes) -> None:
    config = files.config(url)
    files.provision(config)
    read = read_key_request(data)
    issued = dt.datetime.fromtimestamp(read.issue_second, dt.UTC)
    requested = RequestedKey(read.public_key, frozenset(read.regions), issued)
    with open_trust_admin(config, clock=system_clock, by="wang") as admin:
        admin.take(KeyUse.ATTESTATION, requested, life=dt.timedelta(days=365))


async def until(ask: Any) -> Any:
    """Asks until it is answered otherwise than by None."""
    async with asyncio.timeout(WAIT_SECONDS):
        while (found := await ask()) is None:
            await asyncio.sleep(0.1)
    return found


def test_what_is_attested_is_verified_by_anyone_until_it_is_taken_back(
    databases: Databases, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with serving_both(databases, tmp_path) as both:
            of, channel = care(), both.attestations("channel")
            both.tell(of)
            trust = await both.trust()
            answer = await until(lambda: attempt(channel.GetAttestation(request(of))))
            now = system_clock()
            found = attestation.verify(answer.text, trust=trust, now=now)
            assert (found.region, found.person_id, found.terms) == (REGION, of.person_id, 3)
            assert (found.first_day, found.last_day) == (of.start_date, None)
            assert found.expire_time == answer.expire_time.ToDatetime(dt.UTC).replace(microsecond=0)
            status = await both.status(found.status_uri, trust)
            assert attestation.verify(answer.text, trust=trust, now=now, status=status) == found

            at_hospital = await both.attestations("hospital").GetAttestation(request(of))
            same = attestation.verify(at_hospital.text, trust=trust, now=system_clock())
            assert (same.status_uri, same.status_index) == (found.status_uri, found.status_index)

            both.tell(dataclasses.replace(of, version=2, is_void=True))

            async def is_revoked() -> bool | None:
                held = await both.status(found.status_uri, trust)
                try:
                    held.check(found, now=system_clock())
                except QrError as refused:
                    return refused.error == "revoked"
                return None

            assert await until(is_revoked)
            refused = await refusal(channel.GetAttestation(request(of)))
            assert reason_in(refused) == "REGISTRATION_STATE"

    asyncio.run(scenario())


async def attempt(call: Any) -> Any:
    """Returns the answer, or None while offsite has not pulled its trust yet."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if reason_in(error) == "NO_ATTESTATION_KEY":
            return None
        raise


def test_who_may_not_know_of_a_registration_is_refused(
    databases: Databases, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with serving_both(databases, tmp_path) as both:
            of = care()
            both.tell(of)
            asked = request(of)
            await until(lambda: attempt(both.attestations("hangzhou").GetAttestation(asked)))
            for name, reason in (
                ("agency", "OUT_OF_SCOPE"),
                ("hangzhou-hospital", "REGISTRATION_NOT_FOUND"),
                ("supervisor", "CALLER_NOT_ALLOWED"),
            ):
                refused = await refusal(both.attestations(name).GetAttestation(asked))
                assert reason_in(refused) == reason, name
            nobody = pb.GetAttestationStatusListRequest(uri="mi:sl/330100/1")
            refused = await refusal(both.attestations("hospital").GetAttestationStatusList(nobody))
            assert reason_in(refused) == "STATUS_LIST_NOT_FOUND"

    asyncio.run(scenario())


def test_a_key_signs_once_identity_lists_it_and_never_after_it_was_killed(
    databases: Databases, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with serving_both(databases, tmp_path, is_taken=False) as both:
            of, channel = care(), both.attestations("channel")
            both.tell(of)
            refused = await refusal(channel.GetAttestation(request(of)))
            assert reason_in(refused) == "NO_ATTESTATION_KEY"
            keys = KeysConfig(
                folder=tmp_path / "offsite-keys",
                passphrase_file=both.files.values["keys"]["passphrase_file"],
            )
            (name,) = keys.folder.glob("*.pub.pem")
            store = open_key_store(keys)
            public_key = read_public_key(name)
            data = sign_request(store, public_key)
            await asyncio.to_thread(take, both.files, both.identity_url, data)
            answer = await until(lambda: attempt(channel.GetAttestation(request(of))))

            def kill() -> None:
                config = both.files.config(both.identity_url)
                with open_trust_admin(config, clock=system_clock, by="wang") as admin:
                    (listed,) = (
                        each.key
                        for each in admin.recorded_keys()
                        if each.key.use is KeyUse.ATTESTATION
                    )
                    admin.kill(
                        key_id_of(listed.public_key),
                        since=system_clock(),
                        is_replaced=True,
                        life=dt.timedelta(days=1),
                    )

            await asyncio.to_thread(kill)

            async def is_refused() -> bool | None:
                try:
                    await channel.GetAttestation(request(of))
                except grpc.aio.AioRpcError as error:
                    return reason_in(error) == "NO_ATTESTATION_KEY"
                return None

            assert await until(is_refused)
            with pytest.raises(QrError, match="unknown_key"):
                attestation.verify(answer.text, trust=await both.trust(), now=system_clock())

    asyncio.run(scenario())

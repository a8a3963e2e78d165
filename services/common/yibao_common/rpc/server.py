"""A gRPC server of a service: TLS, gate, health, metrics, start and drain."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from yibao_common.commands.sandbox import machine_clock_of
from yibao_common.process.compiled import compiled_modules
from yibao_common.process.config import ServerConfig, StartError
from yibao_common.process.descriptors import most_connections
from yibao_common.process.endpoint import Endpoint
from yibao_common.process.listening import why_not
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.readiness import Readiness
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.admission import Admission, Limits
from yibao_common.rpc.certificate_watch import CertificateWatch
from yibao_common.rpc.endings import Endings
from yibao_common.rpc.gate import Gate
from yibao_common.rpc.handlers import by_name
from yibao_common.rpc.health import Health
from yibao_common.rpc.open_calls import OpenCalls
from yibao_common.rpc.own_certificate import check_own_certificates, read_own_certificates
from yibao_common.rpc.peers import CertificatePeers, DeclaredPeers, Peers
from yibao_common.rpc.rates import RateLimits
from yibao_common.rpc.refusals import Refusals
from yibao_common.rpc.tls import RevokedSerials, ServerFiles
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id

# How long answers that are ready, and watchers of health, get after the last call ended.
_GOODBYE_SECONDS = 0.5
# Far longer than anything may hold up the event loop.
_TURN_SECONDS = 5.0


class Server:
    """Serves the methods that `register` adds, behind the gate.

    `descriptors` are the services of the contract: their rules are enforced and health
    and reflection name them. Health also answers for `service_name` and for "".
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        service_name: str,
        register: Callable[[grpc.aio.Server], None],
        descriptors: Sequence[ServiceDescriptor],
        access: AccessTable,
        log: Log,
        metrics: Metrics | None = None,
        problems: Callable[[], Sequence[str]] = lambda: (),
        watch: Callable[["asyncio.Task[None]"], None] = lambda _task: None,
        readiness: Readiness | None = None,
        refusals: Refusals | None = None,
        clock: Clock = system_clock,
        ids: Ids = new_id,
        behind_gate: Sequence[grpc.aio.ServerInterceptor] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keeps everything for `start`; `problems` tells what keeps the process from serving.

        `watch` is given the tasks without which it would serve on and say what is not so.
        `behind_gate` sees what the gate let through.
        """
        self._config = config
        self._register = register
        self._descriptors = tuple(descriptors)
        self._access = access
        self._log = log
        self.metrics = metrics or Metrics()
        self._clock = clock
        self._ids = ids
        self._behind_gate = tuple(behind_gate)
        self._monotonic = monotonic
        names = ("", service_name, *self._service_names())
        self._health = Health(names, problems=problems, watch=watch, log=log)
        self._watch = watch
        self._watching: asyncio.Task[None] | None = None
        self._server: grpc.aio.Server | None = None
        self._gate: Gate | None = None
        self._endpoint: Endpoint | None = None
        self._readiness = readiness or Readiness()
        self._refusals = refusals
        self._readiness.require("server", lambda: "" if self._server else "does not serve")
        self._readiness.require("tasks", lambda: ", ".join(problems()))
        self.port = 0

    @property
    def metrics_port(self) -> int:
        """The port of probes and metrics; 0 where there is none."""
        return self._endpoint.port if self._endpoint is not None else 0

    async def start(self) -> int:
        """Begins to serve and returns the port.

        Raises:
            StartError: files of TLS cannot be used, or an address cannot be bound.
        """
        config = self._config
        # TLS judges by this machine's clock, whatever clock the service was given.
        check_own_certificates(config, now=system_clock())
        gate = self._make_gate()
        server = grpc.aio.server(
            interceptors=(gate, *self._behind_gate), options=server_options(config)
        )
        self._register(by_name(server))
        health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, by_name(server))
        if config.reflection:
            names = (*self._service_names(), reflection.SERVICE_NAME, health.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        try:
            self.port = self._bind(server)
        except RuntimeError:
            reason = why_not(config.address)
            raise StartError(f"server.address: {config.address}: cannot listen: {reason}") from None
        if config.metrics_address is not None:
            self._endpoint = self._open_endpoint(config.metrics_address)
        await server.start()
        self._server, self._gate = server, gate
        await self._health.start()
        self._readiness.forget()
        compiled = compiled_modules()
        if compiled.problem:
            self._log.warning("compiled modules not used", problem=compiled.problem)
        self._log.info(
            "started",
            port=self.port,
            metrics_port=self.metrics_port,
            insecure=config.insecure,
            compiled_modules=compiled.modules,
            services=list(self._service_names()),
        )
        return self.port

    async def drain(self) -> None:
        """Refuses new calls, lets running ones end, then closes everything.

        Calls that still run after `drain_seconds` are cancelled. Does nothing if the
        server does not run.
        """
        server, gate = self._server, self._gate
        if server is None or gate is None:
            return
        self._server = None
        self._readiness.forget()
        await self._health.drain()
        if self._watching is not None:
            self._watching.cancel()
        # Stopping closes the port at once, so that a process that shares it takes over.
        seconds = self._config.drain_seconds
        stopping = asyncio.ensure_future(server.stop(seconds))
        finished = await gate.drain(within_seconds=seconds)
        # Watchers of health never end by themselves.
        await server.stop(_GOODBYE_SECONDS)
        await stopping
        if self._endpoint is not None:
            # Not in a thread of the loop's, for which there may be no room.
            self._endpoint.close()
            self._endpoint = None
        self._log.info("stopped", finished=finished)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set, then drains."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.drain()

    def _watch_certificate(self, files: ServerFiles, end_time: Clock) -> None:
        watch = CertificateWatch(
            files, end_time, metrics=self.metrics, clock=system_clock, log=self._log
        )
        self._readiness.require("certificate", watch.problem)
        self._watching = asyncio.create_task(watch.run(), name="certificate_watch")
        self._watch(self._watching)

    def _open_endpoint(self, address: str) -> Endpoint:
        loop = asyncio.get_running_loop()
        return Endpoint(
            address,
            metrics=self.metrics,
            alive=lambda: _liveness(loop),
            ready=self._readiness.problems,
        )

    def _make_gate(self) -> Gate:
        config = self._config
        limits = Limits(config.max_message_bytes, config.max_deadline_seconds)
        return Gate(
            admission=Admission(limits=limits, peers=self._make_peers(), monotonic=self._monotonic),
            endings=Endings(ids=self._ids, log=self._log, refusals=self._refusals),
            open_calls=OpenCalls(monotonic=self._monotonic),
            access=self._access,
            services=self._descriptors,
            metrics=self.metrics,
        )

    def _make_peers(self) -> Peers:
        config, monotonic = self._config, self._monotonic
        rates = RateLimits(rate_per_second=config.rate_per_second, burst=config.burst)
        if config.insecure:
            return DeclaredPeers(rates=rates, monotonic=monotonic)
        revoked = None
        if config.revoked_serials_file is not None:
            revoked = RevokedSerials(
                config.revoked_serials_file, monotonic=monotonic, log=self._log
            )
        return CertificatePeers(
            trust_domain=config.trust_domain,
            rates=rates,
            revoked=revoked,
            clock=machine_clock_of(self._clock),
            monotonic=monotonic,
        )

    def _bind(self, server: grpc.aio.Server) -> int:
        config = self._config
        if config.insecure:
            return server.add_insecure_port(config.address)
        certificate, key, ca = config.certificate_file, config.key_file, config.client_ca_file
        assert certificate is not None
        assert key is not None
        assert ca is not None

        end_time = system_clock()

        def check() -> None:
            nonlocal end_time
            check_own_certificates(config, now=system_clock())
            end_time = read_own_certificates(config).end_time

        files = ServerFiles(certificate, key, ca, log=self._log, check=check)
        port = server.add_secure_port(config.address, files.credentials())
        self._watch_certificate(files, lambda: end_time)
        return port

    def _service_names(self) -> tuple[str, ...]:
        return tuple(descriptor.full_name for descriptor in self._descriptors)


def _liveness(loop: asyncio.AbstractEventLoop) -> Mapping[str, str]:
    """Tells whether the event loop, on which all calls run, still turns."""
    turned = threading.Event()
    try:
        loop.call_soon_threadsafe(turned.set)
    except RuntimeError:
        return {"event loop": "is closed"}
    if turned.wait(_TURN_SECONDS):
        return {}
    return {"event loop": f"has not turned for {_TURN_SECONDS:g} s"}


def server_options(config: ServerConfig) -> list[tuple[str, int]]:
    """Returns gRPC's options of a server; its limit of pings lies below what clients send."""
    deadline_ms = round(config.max_deadline_seconds * 1_000)
    return [
        # gRPC shares a port silently unless told not to.
        ("grpc.so_reuseport", int(config.reuse_port)),
        # The gate refuses above the limit itself and can say why; this is the hard end.
        ("grpc.max_receive_message_length", 2 * config.max_message_bytes),
        ("grpc.max_metadata_size", 16_384),
        ("grpc.max_concurrent_streams", 1_000),
        # Who connects and says nothing is let go: before the handshake is over, and where no
        # call came for long. Clients connect again with their next call.
        ("grpc.server_handshake_timeout_ms", 10_000),
        ("grpc.max_connection_idle_ms", 900_000),
        ("grpc.max_allowed_incoming_connections", most_connections()),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        # Newer releases of gRPC wait a minute for a ping's answer unless told this as well.
        ("grpc.http2.ping_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Clients are told not to ping more often than every 10 s. This is the limit of what
        # comes in, though its name does not say so.
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        # A new handshake now and then, so that a withdrawn CA takes effect.
        ("grpc.max_connection_age_ms", 3_600_000),
        ("grpc.max_connection_age_grace_ms", deadline_ms + 10_000),
    ]

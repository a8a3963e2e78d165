"""What is counted and timed, for Prometheus."""

import datetime as dt

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from yibao_common.process.logs import LOST_LINES

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class MethodMetrics:
    """Calls of one method: how they ended, how long they took, how many run."""

    def __init__(self, metrics: "Metrics", method: str) -> None:
        """Looks the children up once, since a look-up costs more than counting."""
        self._calls = metrics.calls
        self._method = method
        self._ended: dict[tuple[str, str], Counter] = {}
        self._items = metrics.items
        self._seconds = metrics.call_seconds.labels(method)
        self.running = 0
        metrics.calls_running.labels(method).set_function(lambda: self.running)

    def ended(self, *, code: str, reason: str, seconds: float) -> None:
        """Counts a call that ended with `code`; `reason` is empty unless refused."""
        counter = self._ended.get((code, reason))
        if counter is None:
            counter = self._calls.labels(self._method, code, reason)
            self._ended[code, reason] = counter
        counter.inc()
        self._seconds.observe(seconds)

    def item_ended(self, *, code: str, reason: str) -> None:
        """Counts an item of a bulk call; `reason` is empty unless it was refused."""
        self._items.labels(self._method, code, reason).inc()


class BatchMetrics:
    """Batches of one queue: their sizes, and how long commands waited and commits took."""

    def __init__(self, metrics: "Metrics", queue: str) -> None:
        """Looks the children up once."""
        self._size = metrics.batch_size.labels(queue)
        self._wait = metrics.batch_wait_seconds.labels(queue)
        self._commit = metrics.batch_commit_seconds.labels(queue)

    def committed(self, *, size: int, queue_wait_seconds: float, commit_seconds: float) -> None:
        """Counts a batch; the wait is that of its first command."""
        self._size.observe(size)
        self._wait.observe(queue_wait_seconds)
        self._commit.observe(commit_seconds)


class BackgroundMetrics:
    """One duty of a background task: how often it succeeded and failed, and when last."""

    def __init__(self, metrics: "Metrics", task: str, duty: str) -> None:
        """Looks the children up once, so that a duty that never succeeded is seen too."""
        self._succeeded = metrics.background_rounds.labels(task, duty, "succeeded")
        self._failed = metrics.background_rounds.labels(task, duty, "failed")
        self._last_success = metrics.background_last_success.labels(task, duty)

    def succeeded(self, at: dt.datetime) -> None:
        """Counts a success at the aware instant `at`."""
        self._succeeded.inc()
        self._last_success.set(at.timestamp())

    def failed(self) -> None:
        """Counts a failure."""
        self._failed.inc()


class FeedMetrics:
    """How far a service is behind a feed that it follows, by region."""

    def __init__(
        self, registry: CollectorRegistry, name: str, told: str, *, gone: tuple[str, str]
    ) -> None:
        """Makes the metrics; `told` says what the feed tells, `gone` what may be missing of it."""
        gone_name, subjects = gone
        self.age = Gauge(
            f"{name}_age_seconds",
            f"Time since everything was known that {told}.",
            ("region",),
            registry=registry,
        )
        self.lag = Gauge(
            f"{name}_lag_events",
            f"Changes that are not stored yet of what {told}.",
            ("region",),
            registry=registry,
        )
        self.begun_anew = Counter(
            f"{name}_begun_anew",
            "How often the feed of a region turned out to be another one and was read anew.",
            ("region",),
            registry=registry,
        )
        self.gone = Counter(
            f"{name}_{gone_name}",
            f"{subjects} that a feed which was read anew did not tell of any more.",
            ("region",),
            registry=registry,
        )


class Metrics:
    """All metrics of a process, in a registry of its own."""

    def __init__(self) -> None:
        """Makes the metrics."""
        self.registry = CollectorRegistry()
        self.calls = Counter(
            "yibao_calls",
            "Calls that ended, by gRPC code and reason of refusal.",
            ("method", "code", "reason"),
            registry=self.registry,
        )
        self._make_item_metrics()
        self.call_seconds = Histogram(
            "yibao_call_seconds",
            "Time from the receipt of a request to its answer.",
            ("method",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.calls_running = Gauge(
            "yibao_calls_running", "Calls being served.", ("method",), registry=self.registry
        )
        self.batch_size = Histogram(
            "yibao_batch_size",
            "Commands in one transaction.",
            ("queue",),
            buckets=_SIZES,
            registry=self.registry,
        )
        self.batch_wait_seconds = Histogram(
            "yibao_batch_wait_seconds",
            "Time that the first command of a batch waited.",
            ("queue",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch_commit_seconds = Histogram(
            "yibao_batch_commit_seconds",
            "Time of a transaction, from its begin to its durable commit.",
            ("queue",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.background_rounds = Counter(
            "yibao_background_rounds",
            "Duties done in the background, by how they ended.",
            ("task", "duty", "outcome"),
            registry=self.registry,
        )
        self.background_last_success = Gauge(
            "yibao_background_last_success_timestamp_seconds",
            "When a duty in the background last succeeded, in Unix time; 0 before the first time.",
            ("task", "duty"),
            registry=self.registry,
        )
        self._make_end_metrics()
        self._make_news_metrics()
        self._make_offsite_metrics()
        self._make_year_metrics()
        self._make_stream_metrics()
        self._make_account_metrics()
        self._make_log_metrics()
        self.device_alarms = Counter(
            "yibao_device_alarms",
            "Keys of phones that were found in two places.",
            ("region",),
            registry=self.registry,
        )

    def _make_end_metrics(self) -> None:
        """Makes what tells when certificates, keys and the calendar end."""
        self.certificate_end = Gauge(
            "yibao_certificate_end_timestamp_seconds",
            "When the service's own certificate ends, or its clients' CA, in Unix time.",
            registry=self.registry,
        )
        self.signing_key_end = Gauge(
            "yibao_signing_key_end_timestamp_seconds",
            "When the key ends that signs for each use, in Unix time.",
            ("use",),
            registry=self.registry,
        )
        self.trust_root_end = Gauge(
            "yibao_trust_root_end_timestamp_seconds",
            "When the newest root of trust ends, without which no code is verified, in Unix time.",
            registry=self.registry,
        )
        self.calendar_end = Gauge(
            "yibao_calendar_end_timestamp_seconds",
            "When the years end of which a calendar tells the holidays, in Unix time.",
            ("calendar",),
            registry=self.registry,
        )

    def _make_stream_metrics(self) -> None:
        """Makes what tells of streams that go on."""
        self.change_streams = Gauge(
            "yibao_change_streams",
            "Streams of settlements' changes that are open.",
            registry=self.registry,
        )
        self.change_stream_lag = Gauge(
            "yibao_change_stream_lag_seconds",
            "How far the stream that is behind most is behind what can be told.",
            registry=self.registry,
        )

    def _make_log_metrics(self) -> None:
        lost = Gauge(
            "yibao_log_lines_lost",
            "Lines of the log that could not be written since the start.",
            registry=self.registry,
        )
        lost.set_function(lambda: LOST_LINES.count)

    def _make_item_metrics(self) -> None:
        self.items = Counter(
            "yibao_items",
            "Items of bulk calls that ended, by gRPC code and reason of refusal.",
            ("method", "code", "reason"),
            registry=self.registry,
        )
        self.refused_lines = Counter(
            "yibao_refused_lines",
            "Lines of bills that settled without them, by reason of refusal.",
            ("reason",),
            registry=self.registry,
        )

    def _make_year_metrics(self) -> None:
        """Makes what tells how far closed years are."""
        self.years_being_taken = Gauge(
            "yibao_years_being_taken",
            "Closed benefit years whose closing statements are not all taken.",
            ("region",),
            registry=self.registry,
        )
        self.year_statements_refused = Gauge(
            "yibao_year_statements_refused",
            "Persons whose closing statement of a year cannot be taken.",
            ("region",),
            registry=self.registry,
        )

        self.account_closes_running = Gauge(
            "yibao_account_closes_running",
            "Confirmed closings of a year's accounts that are not done.",
            ("region",),
            registry=self.registry,
        )
        self.accounts_refused = Gauge(
            "yibao_accounts_refused",
            "Persons whose account of a year cannot be closed.",
            ("region",),
            registry=self.registry,
        )

    def _make_account_metrics(self) -> None:
        """Makes what tells of allocations, and of what waits of personal accounts."""
        self.allocations_running = Gauge(
            "yibao_allocations_running",
            "Allocations to personal accounts that have not looked at everybody.",
            ("region",),
            registry=self.registry,
        )
        self.account_orders_waiting = Gauge(
            "yibao_account_orders_waiting",
            "Orders of personal accounts that wait for a second person.",
            ("region",),
            registry=self.registry,
        )
        self.transfers_stuck = Gauge(
            "yibao_account_transfers_stuck",
            "Transfers of personal accounts that are behind their working days.",
            ("region",),
            registry=self.registry,
        )

    def _make_news_metrics(self) -> None:
        """Makes what tells how far a service is behind what it follows."""
        # By these names since before there was a second feed.
        self.persons_feed = FeedMetrics(
            self.registry,
            "yibao_feed",
            "identity tells of a region's persons",
            gone=("persons_gone", "Persons"),
        )
        self.registrations_feed = FeedMetrics(
            self.registry,
            "yibao_offsite_feed",
            "offsite tells of a region's registrations for care elsewhere",
            gone=("registrations_gone", "Registrations and holds"),
        )
        self.reviews_opened = Counter(
            "yibao_reviews_opened",
            "Settlements that were put under review, by each kind of finding.",
            ("region", "kind"),
            registry=self.registry,
        )
        self.reviews_waiting = Gauge(
            "yibao_reviews_waiting",
            "Settlements under review that nobody has decided.",
            ("region",),
            registry=self.registry,
        )
        self.holds_stuck = Gauge(
            "yibao_holds_stuck",
            "Persons of whom a hold ran out that cannot leave.",
            ("region",),
            registry=self.registry,
        )
        self.repricing_waiting = Gauge(
            "yibao_repricing_waiting",
            "Persons of repricings who wait to be simulated, or carried out once confirmed.",
            ("region",),
            registry=self.registry,
        )
        self.merges_undecided = Counter(
            "yibao_merges_undecided",
            "Merges of persons whose bills could not be decided again as one person's.",
            ("region",),
            registry=self.registry,
        )
        self.trust_age = Gauge(
            "yibao_trust_age_seconds",
            "Time since the trust snapshot held was signed; infinite where none may be used.",
            ("peer",),
            registry=self.registry,
        )

    def _make_offsite_metrics(self) -> None:
        """Makes what tells of care elsewhere that somebody waits for."""
        self.audit_holds_overdue = Gauge(
            "yibao_audit_holds_overdue",
            "Holds of audits that stand although the day of their task is over.",
            ("region",),
            registry=self.registry,
        )
        self.materials_scanning = Gauge(
            "yibao_materials_scanning",
            "Papers of care elsewhere that wait for the virus scanner.",
            ("region",),
            registry=self.registry,
        )
        self.deemed_stuck = Gauge(
            "yibao_deemed_registrations_stuck",
            "Emergencies elsewhere that offsite was not told of within ten minutes.",
            ("region",),
            registry=self.registry,
        )
        self.qualifications_stuck = Gauge(
            "yibao_qualifications_stuck",
            "Qualifications for diseases that identity refused, or has not taken for an hour.",
            ("region",),
            registry=self.registry,
        )

    def method(self, method: str) -> MethodMetrics:
        """Returns what counts the calls of one method."""
        return MethodMetrics(self, method)

    def batch(self, queue: str) -> BatchMetrics:
        """Returns what counts the batches of one queue."""
        return BatchMetrics(self, queue)

    def background(self, task: str, duty: str) -> BackgroundMetrics:
        """Returns what counts one duty of a background task."""
        return BackgroundMetrics(self, task, duty)

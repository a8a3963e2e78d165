"""The configuration of the offsite service; `config.example.toml` documents each key."""

import datetime as dt
from typing import Annotated, Self

from pydantic import AfterValidator, Field
from pydantic import model_validator as check_after

from yibao_common.keys.opening import KeysConfig
from yibao_common.process.config import (
    BatchConfig,
    FileName,
    FollowedConfig,
    Section,
    ServiceConfig,
    check_peer_address,
)
from yibao_common.values.caller import Role, parse_caller
from yibao_common.values.errors import RuleError
from yibao_offsite.rules.material.kinds import KINDS
from yibao_offsite.rules.material.retention import LEAST_YEARS

DEFAULT_LIFE = dt.timedelta(days=30)


class AttestationConfig(Section):
    """What attestations of registrations are signed by, and how long they hold."""

    # The pinned root of trust: `root-1.cose` of the key ceremony, or a later one.
    root_file: FileName
    # Keeps what identity published over a restart, and what must never go back.
    trust_folder: FileName | None = None
    # How often that is renewed: a rotated or killed key is known here after so long.
    trust_seconds: float = Field(default=60, ge=0.1, le=3600)
    life_days: int = Field(default=DEFAULT_LIFE.days, ge=1, le=31)

    @property
    def life(self) -> dt.timedelta:
        """How long an attestation holds, as a span."""
        return dt.timedelta(days=self.life_days)


_UNIX = "unix:"


def _is_scanner(address: str) -> str:
    if address.startswith(_UNIX):
        if not address.removeprefix(_UNIX).startswith("/"):
            raise ValueError("must be unix: and the whole path of a socket, or host:port")
    else:
        check_peer_address(address)
    return address


def _is_command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words[0]:
        raise ValueError("must begin with the program")
    if any("\0" in word for word in words):
        raise ValueError("must be words that a program can be given, without NUL")
    return words


def _is_operator(path: str) -> str:
    try:
        role = parse_caller(path).role
    except RuleError:
        role = None
    if role is not Role.AGENCY:
        raise ValueError("must name operators of agencies, such as agency/330100/wang")
    return path


# Of a request that brings a part of a paper, with what stands beside it.
_PART_REQUEST_BYTES = 600_000
# A hundred million yuan, more than any stay costs.
_MOST_FEN = 10_000_000_000

_Command = Annotated[
    tuple[str, ...], Field(min_length=1, strict=False), AfterValidator(_is_command)
]
_Operators = tuple[Annotated[str, AfterValidator(_is_operator)], ...]


def _are_years(years: dict[str, int]) -> dict[str, int]:
    for kind, kept in years.items():
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of paper on the list")
        least = LEAST_YEARS.get(kind, 0)
        if not least <= kept <= 100:
            raise ValueError(f"{kind} is kept from {least} to 100 years")
    return years


class PersonalDataConfig(Section):
    """The keys under which papers are stored, 64 hexadecimal digits each."""

    # The first encrypts, all decrypt.
    encryption_key_files: tuple[FileName, ...] = Field(min_length=1, strict=False)
    hash_key_file: FileName


class MaterialsConfig(Section):
    """Papers that are handed in as files: how much, for how long, who reads and who scans."""

    max_megabytes: int = Field(default=20, ge=1, le=200)
    open_per_person: int = Field(default=50, ge=1, le=10_000)
    open_per_party: int = Field(default=1_000, ge=1, le=100_000)
    person_megabytes: int = Field(default=1_000, ge=1, le=1_000_000)
    party_unused_megabytes: int = Field(default=20_000, ge=1, le=10_000_000)
    # After which unfinished files are given up, and finished ones that nothing was done with.
    upload_hours: int = Field(default=24, ge=1, le=720)
    unused_days: int = Field(default=30, ge=1, le=3_650)
    # By kind, after the end of the last thing that a paper was handed in for.
    keep_years: Annotated[dict[str, int], AfterValidator(_are_years)] | None = None
    # Operators who read restricted papers (O-09), beside supervisors.
    evidence_readers: _Operators | None = Field(default=None, strict=False)
    scanner_address: Annotated[str, AfterValidator(_is_scanner)] | None = None
    scanner_command: _Command | None = None
    scanner_seconds: float = Field(default=60, ge=0.1, le=600)
    scan_every_seconds: float = Field(default=5, ge=0.1, le=600)

    @check_after(mode="after")
    def _has_one_scanner(self) -> "MaterialsConfig":
        if self.scanner_address is not None and self.scanner_command is not None:
            raise ValueError("scanner_address and scanner_command are not both given")
        return self

    @check_after(mode="after")
    def _keeps_the_longest(self) -> "MaterialsConfig":
        if min(self.person_megabytes, self.party_unused_megabytes) < self.max_megabytes:
            raise ValueError(
                "person_megabytes and party_unused_megabytes must be at least max_megabytes: "
                "the longest file fits into neither otherwise"
            )
        return self


class CalendarConfig(Section):
    """Which days are worked, by which terms of working days are counted."""

    # The national calendar, which comes with the package, without it.
    file: FileName | None = None


class TicketsConfig(Section):
    """In how many working days problem tickets are answered, by their kind, and confirmed.

    The defaults are those of 苏医保发〔2022〕75号, article 57.
    """

    registration_days: int = Field(default=2, ge=1, le=365)
    failure_days: int = Field(default=1, ge=1, le=365)
    other_days: int = Field(default=10, ge=1, le=365)
    # After which an answered ticket that nobody confirmed is closed.
    confirm_days: int = Field(default=10, ge=1, le=365)


class AuditsConfig(Section):
    """In how many working days audits of each type are reported, and when assistance is asked."""

    on_site_days: int = Field(default=10, ge=1, le=365)
    post_surgery_visit_days: int = Field(default=10, ge=1, le=365)
    admission_check_days: int = Field(default=3, ge=1, le=365)
    self_service_check_days: int = Field(default=5, ge=1, le=365)
    complaint_days: int = Field(default=10, ge=1, le=365)
    # 苏医保发〔2022〕75号, article 56.
    assistance_minimum_fen: int = Field(default=3_000_000, ge=0, le=_MOST_FEN)
    assistance_answer_day: int = Field(default=26, ge=1, le=28)
    assistance_confirm_days: int = Field(default=5, ge=1, le=365)


class ComplaintsConfig(Section):
    """In how many working days complaints are answered, and how many a party files a day."""

    answer_days: int = Field(default=15, ge=1, le=365)
    most_a_day: int = Field(default=10, ge=1, le=100_000)
    most_a_day_of_channel: int = Field(default=2_000, ge=1, le=1_000_000)


class ChronicConfig(Section):
    """What regions qualify persons for (门诊慢特病), and how identity is told."""

    # Files of the format yibao-chronic/1; the national list counts where a region has none.
    files: list[FileName] | None = None
    # How often identity is told of what was approved.
    carry_seconds: float = Field(default=5, ge=0.05, le=3600)


class OffsiteConfig(ServiceConfig):
    """Everything that the offsite service reads at its start."""

    batch: BatchConfig = BatchConfig()
    chronic: ChronicConfig = Field(default_factory=ChronicConfig)
    # Where persons are learnt from; without it nobody is checked who is registered.
    identity: FollowedConfig | None = None
    # The private keys that attestations are signed with.
    keys: KeysConfig | None = None
    # Without it nothing is attested.
    attestation: AttestationConfig | None = None
    # Without it no papers are kept.
    personal_data: PersonalDataConfig | None = None
    materials: MaterialsConfig = MaterialsConfig()
    calendar: CalendarConfig = CalendarConfig()
    tickets: TicketsConfig = TicketsConfig()
    audits: AuditsConfig = AuditsConfig()
    complaints: ComplaintsConfig = ComplaintsConfig()

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions whose persons are followed; none where it is not told."""
        return self.identity.regions if self.identity else ()

    @property
    def shuts_papers_out(self) -> bool:
        """Whether papers are kept, and no part of one fits into a request."""
        return (
            self.personal_data is not None and self.server.max_message_bytes < _PART_REQUEST_BYTES
        )

    @check_after(mode="after")
    def _attests_by_keys(self) -> Self:
        if self.attestation is not None:
            missing = [name for name in ("identity", "keys") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"[attestation] needs [{'] and ['.join(missing)}]")
        return self

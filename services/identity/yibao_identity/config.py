"""The configuration of the identity service; `config.example.toml` documents each key."""

from pydantic import Field

from yibao_common.keys.opening import KeysConfig
from yibao_common.process.config import (
    BatchConfig,
    FileName,
    PeerAddress,
    Regions,
    Section,
    ServerName,
    ServiceConfig,
)


class IssuerConfig(Section):
    """Whose codes and certificates are signed here."""

    regions: Regions


class TrustConfig(Section):
    """How often keys are read anew and what verifiers trust is published."""

    publish_seconds: float = Field(default=60, ge=0.1, le=900)


class PersonalDataConfig(Section):
    """The secrets under which names and numbers are stored, 64 hexadecimal digits each."""

    # The first encrypts, all decrypt.
    encryption_key_files: tuple[FileName, ...] = Field(min_length=1, strict=False)
    hash_key_file: FileName


class CardsConfig(Section):
    """The rules of physical cards; the defaults are what the published rules fix."""

    # 64 hexadecimal digits each: the first is mixed into new PINs, all into comparisons.
    # Put a new one in front; a card takes it over with its next right PIN.
    pepper_files: tuple[FileName, ...] = Field(min_length=1, strict=False)
    activation_months: int = Field(default=6, ge=1, le=24)
    replacement_days: int = Field(default=7, ge=0, le=60)
    transactions_until_print: int = Field(default=60, ge=1, le=1_000)
    pin_tries: int = Field(default=5, ge=1, le=10)
    # How many chips of no card an institution's terminals may tell of in a minute.
    chip_misses_per_minute: int = Field(default=600, ge=1, le=100_000)
    sweep_minutes: int = Field(default=60, ge=1, le=1_440)


class DevicesConfig(Section):
    """Phones that show codes without a network."""

    # How long a device certificate lives.
    certificate_hours: int = Field(default=48, ge=24, le=72)
    most: int = Field(default=3, ge=1, le=10)
    # Whether keys of P-256 are taken, for phones whose secure hardware has no Ed25519.
    p256: bool = True


class CodesConfig(Section):
    """Codes signed ahead for a phone that goes offline."""

    # The most codes of one batch, one a minute; 0: none are signed ahead.
    batch_codes: int = Field(default=0, ge=0, le=60)


class RelativesConfig(Section):
    """How many relatives a person may be linked to, by what for."""

    show_code_most: int = Field(default=5, ge=0, le=16)
    share_account_most: int = Field(default=16, ge=0, le=64)
    # How many relatives an account may pay for.
    share_account_given_most: int = Field(default=16, ge=0, le=64)


class PersonsConfig(Section):
    """Looking persons up by their documents, and registering newborns."""

    # By the operators of one agency together; each look-up is on record as well.
    search_rate_per_minute: int = Field(default=30, ge=1, le=10_000)
    # For how long an agency may still tell that the parents enrolled a newborn.
    newborn_tell_days: int = Field(default=90, ge=0, le=36_500)


class SettlementConfig(Section):
    """Where settlement is, which knows visits and designated institutions."""

    # Without it cards are activated at counters alone.
    address: PeerAddress | None = None
    # The name in settlement's server certificate, where it differs from the address.
    server_name: ServerName | None = None
    # Whether it is reached through the proxy that https_proxy or http_proxy names.
    use_environment_proxy: bool = False


class IdentityConfig(ServiceConfig):
    """Everything that the identity service reads at its start."""

    batch: BatchConfig = BatchConfig()
    issuer: IssuerConfig
    keys: KeysConfig
    trust: TrustConfig = TrustConfig()
    personal_data: PersonalDataConfig
    cards: CardsConfig
    settlement: SettlementConfig = SettlementConfig()
    devices: DevicesConfig = DevicesConfig()
    codes: CodesConfig = CodesConfig()
    relatives: RelativesConfig = RelativesConfig()
    persons: PersonsConfig = PersonsConfig()

"""The configuration of the settlement service; `config.example.toml` documents each key."""

from pydantic import Field

from yibao_common.config import (
    BatchConfig,
    DatabaseConfig,
    FileName,
    LogConfig,
    Section,
    ServerConfig,
)


class IdentityConfig(Section):
    """Where identity is, what is learnt from it and which key its trust list bears."""

    address: str
    # The name in identity's server certificate, where it differs from the address.
    server_name: str | None = None
    regions: tuple[str, ...] = Field(min_length=1, strict=False)
    # PEM of the pinned public trust key (Ed25519).
    trust_key_file: FileName
    # Keeps the newest trust snapshot over a restart.
    snapshot_file: FileName | None = None
    poll_seconds: float = Field(1.0, gt=0, le=3600)


class SettlementConfig(Section):
    """Everything that the settlement service reads at its start."""

    server: ServerConfig
    database: DatabaseConfig
    batch: BatchConfig = Field(default_factory=lambda: BatchConfig.model_validate({}))
    log: LogConfig = Field(default_factory=LogConfig)
    identity: IdentityConfig

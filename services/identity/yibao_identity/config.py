"""The configuration of the identity service; `config.example.toml` documents each key."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from yibao_common.config import (
    BatchConfig,
    DatabaseConfig,
    FileName,
    LogConfig,
    Section,
    ServerConfig,
)

Regions = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[1-9][0-9]{5}$")], ...], Field(min_length=1, strict=False)
]


class KeyConfig(Section):
    """A private key: PKCS#8 encrypted under the passphrase that another file holds."""

    key_file: FileName
    passphrase_file: FileName


class IssuerConfig(KeyConfig):
    """The key that signs QR codes, the regions it signs for, and when."""

    regions: Regions
    start_time: AwareDatetime
    expire_time: AwareDatetime


class ListedKeyConfig(Section):
    """Another key in the trust list: one to come, one that was, or one withdrawn."""

    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    regions: Regions
    start_time: AwareDatetime
    expire_time: AwareDatetime
    state: Literal["next", "retiring", "killed"]
    killed_time: AwareDatetime | None = None

    @model_validator(mode="after")
    def _has_its_times(self) -> "ListedKeyConfig":
        if self.start_time >= self.expire_time:
            raise ValueError("start_time must be before expire_time")
        if (self.killed_time is not None) != (self.state == "killed"):
            raise ValueError("killed_time belongs to state killed, and to no other")
        return self


class PersonalDataConfig(Section):
    """The secrets under which names and numbers are stored, 64 hexadecimal digits each."""

    # The first encrypts, all decrypt.
    encryption_key_files: tuple[FileName, ...] = Field(min_length=1, strict=False)
    hash_key_file: FileName


class IdentityConfig(Section):
    """Everything that the identity service reads at its start."""

    server: ServerConfig
    database: DatabaseConfig
    batch: BatchConfig = BatchConfig()
    log: LogConfig = LogConfig()
    issuer: IssuerConfig
    trust: KeyConfig
    listed_keys: tuple[ListedKeyConfig, ...] = Field((), strict=False)
    personal_data: PersonalDataConfig

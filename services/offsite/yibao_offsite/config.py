"""The configuration of the offsite service; `config.example.toml` documents each key."""

import datetime as dt
from typing import Self

from pydantic import Field
from pydantic import model_validator as check_after

from yibao_common.keys.opening import KeysConfig
from yibao_common.process.config import FileName, FollowedConfig, Section, ServiceConfig

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


class OffsiteConfig(ServiceConfig):
    """Everything that the offsite service reads at its start."""

    # Where persons are learnt from; without it nobody is checked who is registered.
    identity: FollowedConfig | None = None
    # The private keys that attestations are signed with.
    keys: KeysConfig | None = None
    # Without it nothing is attested.
    attestation: AttestationConfig | None = None

    @check_after(mode="after")
    def _attests_by_keys(self) -> Self:
        if self.attestation is not None:
            missing = [name for name in ("identity", "keys") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"[attestation] needs [{'] and ['.join(missing)}]")
        return self

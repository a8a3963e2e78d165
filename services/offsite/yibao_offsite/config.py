"""The configuration of the offsite service; `config.example.toml` documents each key."""

from pydantic import Field

from yibao_common.process.config import FileName, FollowedConfig, Section, ServiceConfig


class ChronicConfig(Section):
    """What regions qualify persons for (门诊慢特病), and how identity is told."""

    # Files of the format yibao-chronic/1; the national list counts where a region has none.
    files: list[FileName] | None = None
    # How often identity is told of what was approved.
    carry_seconds: float = Field(default=5, ge=0.05, le=3600)


class OffsiteConfig(ServiceConfig):
    """Everything that the offsite service reads at its start."""

    chronic: ChronicConfig = Field(default_factory=ChronicConfig)
    # Where persons are learnt from; without it nobody is checked who is registered.
    identity: FollowedConfig | None = None

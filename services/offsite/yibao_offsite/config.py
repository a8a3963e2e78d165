"""The configuration of the offsite service; `config.example.toml` documents each key."""

from yibao_common.process.config import FollowedConfig, ServiceConfig


class OffsiteConfig(ServiceConfig):
    """Everything that the offsite service reads at its start."""

    # Where persons are learnt from; without it nobody is checked who is registered.
    identity: FollowedConfig | None = None

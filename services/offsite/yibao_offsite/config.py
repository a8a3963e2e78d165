"""The configuration of the offsite service; `config.example.toml` documents each key."""

from yibao_common.process.config import ServiceConfig


class OffsiteConfig(ServiceConfig):
    """Everything that the offsite service reads at its start."""

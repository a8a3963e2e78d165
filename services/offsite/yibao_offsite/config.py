"""The configuration of the offsite service; `config.example.toml` documents each key."""

from yibao_common.config import DatabaseConfig, LogConfig, Section, ServerConfig


class OffsiteConfig(Section):
    """Everything that the offsite service reads at its start."""

    server: ServerConfig
    database: DatabaseConfig
    log: LogConfig = LogConfig()

"""Alembic's entry to the migrations of the identity service."""

from yibao_common.db.migrations import run_environment
from yibao_identity.storage.tables import metadata

run_environment(metadata, "yibao_identity")

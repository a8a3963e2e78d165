"""Alembic's entry to the migrations of the settlement service."""

from yibao_common.db.migrations import run_environment
from yibao_settlement.storage.tables import metadata

run_environment(metadata, "yibao_settlement")

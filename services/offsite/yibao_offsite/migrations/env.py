"""Alembic's entry to the migrations of the offsite service."""

from yibao_common.db.migrations import run_environment
from yibao_offsite.storage.tables import metadata

run_environment(metadata, "yibao_offsite")

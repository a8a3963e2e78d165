"""What takes away what an upgrade brings, so that it is carried out again."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from yibao_common.db.schema import version_table


def going_back_before(package: str, revision: str) -> str:
    """Returns the statement that notes the schema as that of before a revision."""
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    former = ScriptDirectory.from_config(config).get_revision(revision)
    assert former is not None
    return f"UPDATE {version_table(package)} SET version_num = '{former.down_revision}'"


# The schema of settlement that of before codes were resolved.
WITHOUT_TOKENS = (
    *(f"DROP TABLE catalogue_{name}" for name in ("effective", "row", "row_fault", "chunk")),
    "DROP TABLE catalogue_version",
    "DROP TABLE credential_token",
    "DROP TABLE token_use",
    "ALTER TABLE person DROP COLUMN person_name_masked",
    "ALTER TABLE person DROP COLUMN gender",
)

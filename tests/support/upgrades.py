"""What takes away what an upgrade of settlement brings, so that it is carried out again."""

from yibao_common.db.schema import version_table

# The schema that of before codes were resolved; the revision comes last.
TAKEN_AWAY = (
    "DROP TABLE credential_token",
    "DROP TABLE token_use",
    "ALTER TABLE person DROP COLUMN person_name_masked",
    "ALTER TABLE person DROP COLUMN gender",
    f"UPDATE {version_table('yibao_settlement')} SET version_num = '0043'",
)

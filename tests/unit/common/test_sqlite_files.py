"""What a file that cannot be opened is told as, so that callers repeat and nobody is blamed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.values.errors import TransientError


def test_a_file_that_cannot_be_opened_now_may_be_opened_later(tmp_path: Path) -> None:
    """So it is where a process has no file left to open."""
    folder = tmp_path / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'yibao.db'}")
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(TransientError), database.read() as connection:
        connection.execute(sa.text("SELECT 1 FROM t"))
    (tmp_path / "elsewhere").rename(folder)
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM t")).scalar_one() == 0
    database.close()

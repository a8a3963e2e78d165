"""The runbook of keys is run as it is written, command by command."""

import datetime as dt
import getpass
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.contracts import ROOT
from support.databases import SqliteDatabases
from support.identity_world import make_identity_files
from support.services import to_toml
from typer.testing import CliRunner, Result

from yibao._token import key_id_of
from yibao.trust import TrustRoot, TrustSnapshot
from yibao_cli.main import app
from yibao_common.db.database import Database
from yibao_identity.config import IdentityConfig
from yibao_identity.rules.trust.published import KeyState, KeyUse
from yibao_identity.storage import tables
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_offsite.config import OffsiteConfig

RUNBOOK = ROOT / "docs" / "operating" / "keys.md"
WEEK = dt.timedelta(days=7, minutes=1)


def blocks() -> list[list[str]]:
    """Returns the commands of the runbook, block by block."""
    text = RUNBOOK.read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ").splitlines() for block in found]


class Desk:
    """A folder with a configuration and a database, at which commands are given."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.database = Database(url)
        self.tables = StoredTrust(self.database)

    def run(self, line: str) -> Result:
        """Gives one command; a pattern of files is spelt out as a shell would."""
        words = []
        line = line.replace("$TOK_KEY", self.token_key_id()[:6])
        # Whatever day the runbook names, it has to have been.
        line = re.sub(r"(--since) \S+", r"\1 2026-01-02T08:00:00", line)
        for word in shlex.split(line):
            names = sorted(str(path) for path in Path().glob(word)) if "*" in word else []
            words += names or [word]
        assert words[0] == "yibao"
        return CliRunner().invoke(app, words[1:])

    def token_key_id(self) -> str:
        with self.tables.view() as view:
            found = [
                each.key
                for each in view.recorded_keys()
                if each.key.use is KeyUse.TOKEN and each.key.state is KeyState.ACTIVE
            ]
        return key_id_of(found[0].public_key).hex() if found else ""

    def let_a_week_pass(self) -> None:
        """Moves what was published back in time."""
        table = tables.trust_snapshot
        with self.database.write() as connection:
            rows = connection.execute(sa.select(table.c.version, table.c.issue_time)).all()
            for version, issue_time in rows:
                connection.execute(
                    sa.update(table)
                    .where(table.c.version == version)
                    .values(issue_time=issue_time - WEEK)
                )

    def published(self, root: Path) -> TrustSnapshot:
        trust_keys = TrustRoot.first(root.read_bytes()).trust_keys
        with self.tables.view() as view:
            newest = view.newest_snapshot()
        assert newest is not None
        now = dt.datetime.now(dt.UTC)
        return TrustSnapshot.verify(newest.snapshot, trust_key=trust_keys, now=now)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    databases = SqliteDatabases(tmp_path)
    url = databases.migrated_url("yibao_identity")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    files = make_identity_files(elsewhere)
    folder = tmp_path / "desk"
    (folder / "keys").mkdir(parents=True)
    keys = {**files.values["keys"], "folder": folder / "keys"}
    values = {**files.values, "keys": keys, "database": {"url": url}}
    IdentityConfig.model_validate(values)
    (folder / "identity.toml").write_text(to_toml(values))
    (folder / "offsite-keys").mkdir()
    offsite = {
        "server": files.values["server"],
        "database": {"url": "sqlite:///offsite.sqlite"},
        "identity": {"address": "localhost:1", "regions": list(files.values["issuer"]["regions"])},
        "keys": {**keys, "folder": folder / "offsite-keys"},
    }
    OffsiteConfig.model_validate(offsite)
    (folder / "offsite.toml").write_text(to_toml(offsite))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: "what the holder chose")
    made = Desk(folder, url)
    yield made
    made.database.close()


@pytest.mark.long
def test_every_command_of_the_runbook_does_what_it_says(desk: Desk) -> None:
    given = 0
    for block in blocks():
        for line in block:
            if line == "# seven days later":
                early = desk.run(block[-1])
                assert (early.exit_code, early.stdout) == (2, "")
                assert "not published for 7 days" in early.stderr
                desk.let_a_week_pass()
                continue
            result = desk.run(line)
            assert result.exit_code == 0, f"{line}\n{result.output}"
            assert re.search(
                r"(?m)^(Next|Made|Root|Denied|\d+ denied|tok|Key|Killed)", result.stdout
            )
            given += 1
    assert given > 20

    trust = desk.published(Path("root-2.cose"))
    states = sorted((key.use, key.state.name) for key in trust.keys.values())
    assert states == [
        ("attest", "ACTIVE"),
        ("attest", "RETIRING"),
        ("cred", "ACTIVE"),
        ("status", "ACTIVE"),
        ("tok", "ACTIVE"),
        ("tok", "KILLED"),
        ("tok", "RETIRING"),
    ]
    assert trust.denied == frozenset()
    assert len(trust.lists) > 0
    first, second = (TrustRoot.first(Path(f"root-{n}.cose").read_bytes()) for n in (1, 2))
    assert first.successor(Path("root-2.cose").read_bytes()) == second


def ceremony(desk: Desk) -> None:
    """Goes through the runbook up to the first root."""
    for block in (*blocks()[:4], blocks()[5]):
        for line in block:
            assert desk.run(line).exit_code == 0


REFUSED = [
    ("yibao keys request --config offsite.toml --out attest-1.request", "exists"),
    ("yibao keys request --config identity.toml --out r", "not the configuration of offsite"),
    ("yibao keys take attest-1.request --config identity.toml", "listed already"),
    ("yibao keys take holder-1.pub.pem --config identity.toml", "no request of a key"),
    ("yibao keys take attest-1.request --region 110000 --config identity.toml", "asks for"),
    ("yibao keys root new-key holder-1.pem", "exists"),
    ("yibao keys root sign root-1.cose --key holder-1.pem", "signed this root already"),
    ("yibao keys root sign root-1.cose --key stranger.pem", "none of root 1"),
    ("yibao keys root sign holder-1.pub.pem --key holder-2.pem", "not a root document"),
    ("yibao keys root sign nothing.cose --key holder-2.pem", "cannot be read"),
    ("yibao keys root verify root-1.cose --previous root-1.cose", "does not follow"),
    ("yibao keys root init --key holder-1.pub.pem --out r.cose", "not 3 to 5 keys"),
    ("yibao keys root rotate --previous root-1.cose --out root-1.cose", "exists"),
    ("yibao keys root publish holder-1.pub.pem --config identity.toml", "not taken"),
    ("yibao keys rotate --use tok --config identity.toml", "there is no tok key yet"),
    ("yibao keys kill ab --config identity.toml", "no key begins with ab"),
    ("yibao keys deny 01 --why x --config identity.toml", "16 hexadecimal digits"),
    ("yibao keys undeny 0102030405060708 --config identity.toml", "is not denied"),
    ("yibao keys list --config nothing.toml", "cannot be read"),
]


def test_what_cannot_be_done_is_told_in_a_sentence(desk: Desk) -> None:
    ceremony(desk)
    assert desk.run("yibao keys root new-key stranger.pem").exit_code == 0
    for line, message in REFUSED:
        result = desk.run(line)
        told = " ".join(result.stderr.split())
        assert (result.exit_code, message in told) == (2, True), f"{line}: {told}"


def test_a_root_short_of_signatures_is_not_complete(desk: Desk) -> None:
    for block in blocks()[:3]:
        for line in block:
            assert desk.run(line).exit_code == 0
    for signed, missing in ((0, 2), (1, 1), (2, 0)):
        result = desk.run("yibao keys root verify root-1.cose")
        assert result.exit_code == (1 if missing else 0)
        if missing:
            assert f"{missing} more of its 3 holders" in result.stdout
            refused = desk.run("yibao keys root publish root-1.cose --config identity.toml")
            assert refused.exit_code == 2
            assert (
                desk.run(
                    f"yibao keys root sign root-1.cose --key holder-{signed + 1}.pem"
                ).exit_code
                == 0
            )


def test_another_holder_takes_over(desk: Desk) -> None:
    ceremony(desk)
    for line in (
        "yibao keys root new-key holder-4.pem",
        "yibao keys root rotate --previous root-1.cose --key holder-2.pub.pem "
        "--key holder-3.pub.pem --key holder-4.pub.pem --out root-2.cose",
        "yibao keys root sign root-2.cose --key holder-2.pem",
        "yibao keys root sign root-2.cose --key holder-4.pem",
    ):
        assert desk.run(line).exit_code == 0
    check = "yibao keys root verify root-2.cose --previous root-1.cose"
    result = desk.run(check)
    assert (result.exit_code, "1 more holders of the root before" in result.stdout) == (1, True)
    # Holder 1 is none of the new root, but still one of the old.
    sign = "yibao keys root sign root-2.cose --key holder-1.pem"
    assert desk.run(sign).exit_code == 2
    assert desk.run(f"{sign} --previous root-1.cose").exit_code == 0
    assert desk.run(check).exit_code == 0


def test_passphrases_that_differ_make_no_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["one", "another"])
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(answers))
    result = desk.run("yibao keys root new-key holder-1.pem")
    assert result.exit_code == 2
    assert "the two differ" in result.stderr
    assert not Path("holder-1.pem").exists()

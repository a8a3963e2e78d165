from pathlib import Path

import pytest
from pydantic import BaseModel

from yibao_common.process.config import (
    BatchConfig,
    ConfigError,
    DatabaseConfig,
    LogConfig,
    Regions,
    Section,
    ServerConfig,
)
from yibao_common.process.config_file import load_config


class Config(Section):
    region: str = "500100"
    server: ServerConfig
    database: DatabaseConfig
    batch: BatchConfig = BatchConfig()
    log: LogConfig = LogConfig()


GOOD = """
[server]
insecure = true
[database]
url = "sqlite:///x.db"
"""


def load(tmp_path: Path, text: str = GOOD, **environ: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(Config, path=path, environ=environ)


def problems(tmp_path: Path, text: str = GOOD, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, text, **environ)
    return [each.replace(f"{tmp_path}/", "") for each in refusal.value.problems]


def test_a_file_is_read_and_defaults_fill_the_rest(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.server.address == "127.0.0.1:50051"
    assert config.database.url == "sqlite:///x.db"
    assert (config.batch.max_size, config.batch.linger_ms, config.batch.max_queue) == (128, 2, 4096)


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("YIBAO_SERVER__ADDRESS", "[::1]:0", "server", "address", "[::1]:0"),
        ("YIBAO_SERVER__REFLECTION", "true", "server", "reflection", True),
        ("YIBAO_SERVER__RATE_PER_SECOND", "2.5", "server", "rate_per_second", 2.5),
        ("YIBAO_SERVER__RATE_PER_SECOND", "2", "server", "rate_per_second", 2),
        ("YIBAO_SERVER__KEY_FILE", "a/b.key", "server", "key_file", Path("a/b.key")),
        # Text that looks like a number stays text where the field wants text.
        ("YIBAO_REGION", "12", None, "region", "12"),
        ("YIBAO_BATCH__MAX_SIZE", "1024", "batch", "max_size", 1024),
        ("YIBAO_LOG__LEVEL", "debug", "log", "level", "debug"),
    ],
)
def test_a_variable_overrides_the_file(
    tmp_path: Path, name: str, text: str, section: str | None, key: str, value: object
) -> None:
    config = load(tmp_path, **{name: text})
    table = config if section is None else getattr(config, section)
    assert getattr(table, key) == value


def test_a_top_level_key_can_be_a_variable(tmp_path: Path) -> None:
    assert load(tmp_path, YIBAO_REGION="110100").region == "110100"


def test_variables_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    load(tmp_path, YIBAO_IDENTITY_PORT_50051_TCP="tcp://10.0.0.1:50051", PATH="/bin")


def test_a_variable_that_names_no_table_is_told(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD, YIBAO__ADDRESS="127.0.0.1:1")
    assert found == ["YIBAO__ADDRESS: names no table: it is YIBAO_TABLE__KEY"]


def test_a_list_is_not_called_too_short_beside_an_item_that_is_refused() -> None:
    class Served(BaseModel):
        regions: Regions

    for text, is_short in (("['11']", False), ("[]", True)):
        with pytest.raises(ConfigError) as caught:
            load_config(Served, path=None, environ={"YIBAO_REGIONS": text})
        (problem,) = caught.value.problems
        assert ("must not be empty" in problem) == is_short


def test_without_a_file_variables_are_enough() -> None:
    environ = {"YIBAO_SERVER__INSECURE": "true", "YIBAO_DATABASE__URL": "sqlite:///x.db"}
    assert load_config(Config, path=None, environ=environ).server.insecure


def test_all_mistakes_are_told_at_once_with_place_key_and_what_was_expected(
    tmp_path: Path,
) -> None:
    text = """
[server]
insecure = true
adress = "0.0.0.0:1"
reflection = "yes"
[databse]
url = "sqlite:///x.db"
[batch]
max_size = 0
"""
    found = problems(
        tmp_path, text, YIBAO_SERVER__BURTS="3", YIBAO_BATCH__MAX_QUEUE="many", YIBAO_LGO__LEVEL="x"
    )
    assert any(
        each.startswith("config.toml: server.adress: unknown key; did you mean address?")
        and "known here: address, burst," in each
        for each in found
    )
    assert "config.toml: server.reflection: Input should be a valid boolean" in found
    assert "config.toml: database: is missing" in found
    assert any(each.startswith("config.toml: databse: unknown key;") for each in found)
    assert "config.toml: batch.max_size: Input should be greater than or equal to 1" in found
    assert any(
        each.startswith("YIBAO_SERVER__BURTS: unknown key; did you mean burst?") for each in found
    )
    assert "YIBAO_BATCH__MAX_QUEUE: Input should be a valid integer" in found
    assert any(
        each.startswith("YIBAO_LGO__LEVEL: unknown key; did you mean log?") for each in found
    )
    assert len(found) == 8


def test_a_value_is_never_repeated(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD + "pasword = 'hunter2'", YIBAO_BATCH__MAX_SIZE="hunter2")
    assert len(found) == 2
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize("max_size", [1, 1024])
def test_a_batch_size_inside_its_limits_is_taken(tmp_path: Path, max_size: int) -> None:
    assert load(tmp_path, YIBAO_BATCH__MAX_SIZE=str(max_size)).batch.max_size == max_size


@pytest.mark.parametrize("max_size", [0, 1025])
def test_a_batch_size_outside_its_limits_is_refused(tmp_path: Path, max_size: int) -> None:
    assert len(problems(tmp_path, YIBAO_BATCH__MAX_SIZE=str(max_size))) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"])
def test_plaintext_is_allowed_on_loopback(tmp_path: Path, address: str) -> None:
    assert load(tmp_path, YIBAO_SERVER__ADDRESS=address).server.address == address


@pytest.mark.parametrize("address", ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "hospital.cn:1"])
def test_plaintext_is_refused_elsewhere(tmp_path: Path, address: str) -> None:
    (problem,) = problems(tmp_path, YIBAO_SERVER__ADDRESS=address)
    assert "address must be loopback" in problem


@pytest.mark.parametrize("address", ["", "localhost", ":1", "localhost:", "h:65536", "h:-1", "h:x"])
def test_an_address_needs_host_and_port(tmp_path: Path, address: str) -> None:
    (problem,) = problems(tmp_path, YIBAO_SERVER__ADDRESS=address)
    assert problem == "YIBAO_SERVER__ADDRESS: must be host:port, such as 127.0.0.1:50051"


def test_tls_needs_all_its_files(tmp_path: Path) -> None:
    text = "[server]\nkey_file = 'a'\n[database]\nurl = 'sqlite:///x.db'"
    assert problems(tmp_path, text) == [
        "config.toml: server: certificate_file, client_ca_file must be set for mutual TLS"
    ]


def test_a_file_that_is_no_toml_or_not_there_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[server")
    assert problem.startswith("config.toml: is not TOML")
    with pytest.raises(ConfigError) as refusal:
        load_config(Config, path=tmp_path / "none.toml", environ={})
    assert "none.toml: cannot be read: No such file" in str(refusal.value)


def test_a_value_where_a_table_belongs_is_told(tmp_path: Path) -> None:
    (problem,) = problems(
        tmp_path, "server = 5\n[database]\nurl = 'sqlite:///x.db'", YIBAO_SERVER__BURST="3"
    )
    assert problem == "config.toml: server: must be a table, with keys of its own"


def test_a_loaded_configuration_cannot_be_changed(tmp_path: Path) -> None:
    config = load(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        config.server.insecure = False

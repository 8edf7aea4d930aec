from pathlib import Path

import msgspec
import pytest

from ocpptrio.config import Settings
from tests.cli.conftest import Command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text("[ocpp]\nport = 9000\npaths = ['/ocpp']\n")
    return path


def test_every_setting_is_shown_with_where_it_comes_from(
    ocpptrio: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_LOG_LEVEL", "debug")
    lines = {
        line.partition("  ")[0]: line.split()[2:]
        for line in ocpptrio("check-config", str(config)).lines
    }
    assert lines["[ocpp] port"] == ["9000", str(config)]
    assert lines["[ocpp] paths"] == ['["/ocpp"]', str(config)]
    assert lines["[ocpp] host"] == ['"127.0.0.1"', "default"]
    assert lines["[log] level"] == ['"DEBUG"', "OCPPTRIO_LOG_LEVEL"]
    keys = msgspec.to_builtins(Settings())
    assert len(lines) == 1 + sum(len(section) for section in keys.values())


def test_programs_get_sections_keys_and_values(ocpptrio: Command, config: Path) -> None:
    settings = ocpptrio("check-config", str(config), "--json").json
    assert settings[2] == {
        "section": "ocpp",
        "key": "port",
        "value": 9000,
        "source": str(config),
    }


def test_a_secret_is_not_shown(ocpptrio: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCPPTRIO_AUTHORIZATION_TOKEN", "s3cret")
    for output in (ocpptrio("check-config").out, ocpptrio("check-config", "--json").out):
        assert "s3cret" not in output
        assert "(not shown)" in output


def test_the_file_may_come_from_the_environment(
    ocpptrio: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_CONFIG", str(config))
    assert str(config) in ocpptrio("check-config").out


def test_an_error_names_file_key_reason_and_remedy(ocpptrio: Command, config: Path) -> None:
    config.write_text("[ocpp]\nport = 'http'")
    assert ocpptrio("check-config", str(config), status=1).err == (
        f'ocpptrio: {config}: [ocpp] port = "http": expected int, got str. '
        "Leave it out to use the default, 8080\n"
    )


def test_a_wrong_vendor_profile_is_told(ocpptrio: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[[profile]]\nname = "x"\nvendor = "X"\nping = false\n')
    file = tmp_path / "config.toml"
    file.write_text(f'[vendor_profiles]\ndirectory = "{tmp_path}/none"\n')
    assert "no such directory" in ocpptrio("check-config", str(file), status=1).err
    file.write_text(f'[vendor_profiles]\ndirectory = "{tmp_path}"\n')
    # All files that end so are read, hence the config.toml beside it too.
    file = file.rename(tmp_path / "config.txt")
    assert "did you mean pings?" in ocpptrio("check-config", str(file), status=1).err

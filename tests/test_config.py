import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from ocpptrio.config import SECRETS, LogLevel, Settings, UnknownChargePoints
from ocpptrio.config_sources import Option, load, load_effective
from ocpptrio.errors import ConfigError

SAMPLE = Path(__file__).parent.parent / "config.toml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def error_of(config: Path, text: str, environment: dict[str, str] | None = None) -> str:
    """The error that this config.toml gives, without the name of its folder."""
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(config, environment or {})
    return str(caught.value).replace(f"{config.parent}/", "")


# The sample.


def test_the_sample_as_it_stands_is_all_defaults() -> None:
    assert load(SAMPLE, {}) == Settings()


def uncommented_sample() -> str:
    return re.sub(r"^#(\w+ = )", r"\1", SAMPLE.read_text(), flags=re.MULTILINE)


def test_the_sample_shows_every_key_and_no_other() -> None:
    shown = tomllib.loads(uncommented_sample())
    known = msgspec.to_builtins(Settings())
    assert {(s, k) for s in shown for k in shown[s]} == {(s, k) for s in known for k in known[s]}


def test_the_sample_shows_the_true_defaults(config: Path) -> None:
    config.write_text(uncommented_sample())
    assert load(config, {}) == Settings()


# Layers.


def test_without_a_file_and_variables_everything_is_default() -> None:
    assert load(None, {}) == Settings()


def test_the_environment_replaces_the_file_and_options_replace_both(config: Path) -> None:
    config.write_text('[ocpp]\nport = 1\nhost = "::1"\nheartbeat_interval = 60')
    effective = load_effective(
        config,
        {"OCPPTRIO_OCPP_PORT": "2", "OCPPTRIO_OCPP_HOST": "0.0.0.0"},
        {("ocpp", "port"): Option("--port", 3)},
    )
    ocpp = effective.settings.ocpp
    assert (ocpp.port, ocpp.host, ocpp.heartbeat_interval) == (3, "0.0.0.0", 60)
    assert effective.sources == {
        ("ocpp", "port"): "--port",
        ("ocpp", "host"): "OCPPTRIO_OCPP_HOST",
        ("ocpp", "heartbeat_interval"): str(config),
    }


def test_a_variable_is_read_as_its_key_wants_it() -> None:
    settings = load(
        None,
        {
            "OCPPTRIO_OCPP_HOST": "1",  # text, although it looks like a number
            "OCPPTRIO_OCPP_PING": "false",
            "OCPPTRIO_OCPP_CALL_TIMEOUT": "2.5",
            "OCPPTRIO_OCPP_PATHS": "/a, /b",
            "OCPPTRIO_OCPP_TRUSTED_PROXIES": "",
            "OCPPTRIO_OCPP_UNKNOWN_CHARGE_POINTS": "reject",
            "OCPPTRIO_LOG_LEVEL": "debug",
        },
    )
    assert settings.ocpp.host == "1"
    assert settings.ocpp.ping is False
    assert settings.ocpp.call_timeout == 2.5
    assert settings.ocpp.paths == ("/a", "/b")
    assert settings.ocpp.trusted_proxies == ()
    assert settings.ocpp.unknown_charge_points is UnknownChargePoints.REJECT
    assert settings.log.level is LogLevel.DEBUG


def test_variables_that_are_none_of_ours_are_left_alone() -> None:
    # Kubernetes sets such ones for a service named ocpptrio.
    kubernetes = {"OCPPTRIO_PORT": "tcp://10.0.0.1:80", "OCPPTRIO_SERVICE_HOST": "10.0.0.1"}
    assert load(None, {"OCPPTRIO_CONFIG": "x.toml", "PORT": "1"} | kubernetes) == Settings()


def test_variables_that_commands_use_are_no_settings() -> None:
    used = {"OCPPTRIO_URL": "http://x", "OCPPTRIO_TOKEN": "t", "OCPPTRIO_TOKEN_FILE": "f"}
    assert load(None, used) == Settings()
    assert load_effective(None, used).sources == {}


def test_a_misspelt_variable_of_commands_is_told_without_its_value() -> None:
    with pytest.raises(ConfigError, match="did you mean OCPPTRIO_TOKEN_FILE") as told:
        load(None, {"OCPPTRIO_TOKENFILE": "secret"})
    assert "secret" not in str(told.value)


# Errors name file, key, reason and remedy.


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.toml: no such file; leave --config out"):
        load(Path("nowhere.toml"), {})


def test_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


def test_broken_toml_is_told_with_its_line(config: Path) -> None:
    error = error_of(config, "[ocpp]\nport = = 1\n")
    assert error == "config.toml: not TOML: Invalid value (at line 2, column 8)"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "[ocpp]\nport = 99999",
            "[ocpp] port = 99999: expected int <= 65535. Leave it out to use the default, 8080",
        ),
        (
            "[ocpp]\nping = 'yes'",
            '[ocpp] ping = "yes": expected bool, got str. Leave it out to use the default, true',
        ),
        (
            "[ocpp]\npaths = ['ocpp']",
            (
                "[ocpp] paths = [\"ocpp\"]: 'ocpp' must start with / and not end with it. "
                'Leave it out to use the default, ["/ocpp","/ocpp/1.6"]'
            ),
        ),
        (
            "[ocpp]\ntrusted_proxies = ['10.0.0.1/8']",
            (
                '[ocpp] trusted_proxies = ["10.0.0.1/8"]: 10.0.0.1/8 has host bits set. '
                "Leave it out to use the default, []"
            ),
        ),
        (
            "[ocpp]\nunknown_charge_points = 'allow'",
            (
                '[ocpp] unknown_charge_points = "allow": known here: loopback, accept, reject. '
                'Leave it out to use the default, "loopback"'
            ),
        ),
        ("[ocpp]\nprot = 1", "[ocpp] prot: unknown key; did you mean port?"),
        ("[journal]\nxyz = 1", "[journal] xyz: unknown key; known: enabled"),
        ("[store]\nport = 1", "[store] port: belongs in section [ocpp]"),
        ("port = 1", "port: belongs below the line [ocpp]"),
        ("[ocp]\nport = 1", "[ocp]: unknown section; did you mean [ocpp]?"),
        (
            "[xyz]",
            f"[xyz]: unknown section; known: {', '.join(Settings.__struct_fields__)}",
        ),
        ("ocpp = 1", "ocpp is a section: write [ocpp] on its own line"),
    ],
)
def test_a_wrong_line_is_told_with_a_remedy(config: Path, text: str, error: str) -> None:
    assert error_of(config, text) == f"config.toml: {error}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("url = 'http://broker'", "expected mqtt://host or mqtts://host"),
        ("url = 'mqtt://'", "expected mqtt://host or mqtts://host"),
        ("url = 'mqtt://broker:99999'", "no URL: Port out of range"),
        ("url = 'mqtt://anna:secret@broker'", "name no user and password in it"),
        ("url = 'mqtt://broker/topic'", "nothing comes after host and port"),
        ("prefix = 'a/#'", "expected no + or #"),
        ("prefix = '$SYS'", "expected no + or #, no / at its ends and no $ before it"),
        ("prefix = 'a/'", "expected no + or #"),
        ("password = 'secret'", "needs a user, too"),
    ],
)
def test_a_wrong_broker_is_told(config: Path, line: str, reason: str) -> None:
    assert f": {reason}" in error_of(config, f"[mqtt]\n{line}")


@pytest.mark.parametrize("url", ["", "mqtt://broker", "mqtts://[::1]:8884/", "mqtt://10.0.0.1:1"])
def test_a_broker_is_named_by_a_url(config: Path, url: str) -> None:
    config.write_text(f"[mqtt]\nurl = '{url}'")
    assert load(config, {}).mqtt.url == url


def test_a_wrong_variable_is_told_with_a_remedy(config: Path) -> None:
    assert error_of(config, "", {"OCPPTRIO_OCPP_PORT": "http"}) == (
        "environment: OCPPTRIO_OCPP_PORT=http: expected int, got str. "
        "Leave it out to use the default, 8080"
    )


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("alerts", "webhook_url = 'https://a.example'\nwebhook_secret = 'hunter2'"),
        ("mqtt", "password = 'hunter2'"),
        ("mqtt", "password = ['hunter2']"),
        ("mqtt", "url = 'mqtt://me:hunter2@broker.example'"),
        ("authorization", 'token = "hunter2\\t"'),
    ],
)
def test_no_error_shows_a_secret(config: Path, section: str, text: str) -> None:
    assert "hunter2" not in error_of(config, f"[{section}]\n{text}")
    variables = {
        f"OCPPTRIO_{section}_{key}".upper(): value
        for key, value in tomllib.loads(text).items()
        if isinstance(value, str)
    }
    if variables:
        error = error_of(config, "", variables)
        assert error.startswith("environment: OCPPTRIO_"), error
        assert "hunter2" not in error


def test_what_sounds_like_a_secret_is_one() -> None:
    known = msgspec.to_builtins(Settings())
    telling = re.compile("password|secret|token")
    assert {(s, k) for s in known for k in known[s] if telling.search(k)} == SECRETS | {
        ("ocpp", "require_password")
    }


def test_a_misspelt_variable_is_told(config: Path) -> None:
    assert error_of(config, "", {"OCPPTRIO_OCPP_PROT": "1"}) == (
        "environment: OCPPTRIO_OCPP_PROT: unknown; did you mean OCPPTRIO_OCPP_PORT? Else unset it"
    )


def test_a_wrong_option_is_told_with_its_name() -> None:
    with pytest.raises(ConfigError, match=r"^--port -1: expected int >= 0\. Leave it out"):
        load_effective(None, {}, {("ocpp", "port"): Option("--port", -1)})


def test_a_wrong_line_is_told_even_where_a_variable_replaces_it(config: Path) -> None:
    # Else the mistake would show on the day the variable is removed.
    error = error_of(config, "[ocpp]\nport = 99999", {"OCPPTRIO_OCPP_PORT": "1"})
    assert "port = 99999" in error

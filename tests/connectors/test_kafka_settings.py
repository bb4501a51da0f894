"""Settings of Kafka's clients: what may be set, and what is never shown."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from streamadapt.connectors.broker_calls import BrokerCalls
from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.kafka_python_driver import KafkaPythonDriver
from streamadapt.connectors.kafka_settings import KafkaSettings
from streamadapt.errors import ConfigError, ParameterError


def made(**more: Any) -> KafkaSettings:
    return KafkaSettings.model_validate({"bootstrap": "localhost:9092", **more})


@pytest.mark.parametrize("bootstrap", ["localhost", "host:", ":9092", "host:0", "a:1,,b:2", "a:x"])
def test_an_address_is_a_host_and_a_port(bootstrap: str) -> None:
    with pytest.raises(ValidationError, match="host:port"):
        made(bootstrap=bootstrap)


def test_several_brokers_are_separated_by_commas() -> None:
    assert made(bootstrap="a:1, b:2").brokers == ["a:1", "b:2"]


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("consumer", "enable_auto_commit"),
        ("consumer", "enable.auto.commit"),
        ("consumer", "isolation_level"),
        ("consumer", "isolation.level"),
        ("consumer", "auto_offset_reset"),
        ("consumer", "group.id"),
        ("client", "enable.auto.commit"),
        ("producer", "enable_idempotence"),
        ("producer", "acks"),
        ("producer", "request.required.acks"),
        ("producer", "transactional.id"),
        ("producer", "Transactional_ID"),
    ],
)
def test_what_exactly_once_rests_on_cannot_be_set(section: str, name: str) -> None:
    with pytest.raises(ValidationError, match=f"{section}.{name} cannot be set: "):
        made(**{section: {name: "x"}})


@pytest.mark.parametrize(
    ("name", "own"),
    [("linger_ms", "linger_ms"), ("session.timeout.ms", "session_timeout_s")],
)
def test_what_has_a_name_here_is_set_by_that(name: str, own: str) -> None:
    with pytest.raises(ValidationError, match=f"its own name here: kafka.{own}"):
        made(client={name: 1})


def test_heartbeats_are_at_most_a_third_of_the_session() -> None:
    assert made().heartbeat_s == 3.0
    assert made(session_timeout_s=6).heartbeat_s == 2.0


def test_times_fit_each_other() -> None:
    with pytest.raises(ValidationError, match="delivery_timeout_s must not be below"):
        made(delivery_timeout_s=10)
    with pytest.raises(ValidationError, match="max_poll_interval_s must not be below"):
        made(max_poll_interval_s=10)


def test_secrets_are_in_no_text() -> None:
    secrets = {"sasl_plain_password": "pass-1", "ssl.key.pem": "pem-2", "sasl.oauth.token": "tok-3"}
    settings = made(client={**secrets, "sasl_plain_username": "me"})
    assert settings.secrets() == ("pass-1", "pem-2", "tok-3")
    with pytest.raises(ValidationError) as raised:
        made(client=secrets, producer={"acks": "pass-1"})
    calls = BrokerCalls.of(settings, (OSError,), lambda error: type(error).__name__)
    said = str(calls.error("connect with pass-1", OSError("no pem-2: tok-3 as me")))
    for text in (repr(settings), str(settings), str(raised.value), repr(calls), said):
        assert not any(secret in text for secret in secrets.values())
    assert "as me" in said


def test_an_unknown_setting_is_named_without_its_value() -> None:
    with pytest.raises(ParameterError, match=r"kafka\.producer\.colour is no setting") as raised:
        KafkaPythonDriver(made(producer={"colour": "hidden"}), "w0")
    assert "hidden" not in str(raised.value)


def test_kafka_python_would_take_a_misspelt_protocol_for_plain_text() -> None:
    with pytest.raises(ParameterError, match="security_protocol is none of"):
        KafkaPythonDriver(made(client={"security_protocol": "SASL-SSL"}), "w0")


def test_a_client_that_is_not_installed_is_said_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if "confluent" in name]:
        monkeypatch.delitem(sys.modules, name)
    imported = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "confluent_kafka":
            raise ModuleNotFoundError(f"No module named {name!r}", name="confluent_kafka")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"pip install 'streamadapt\[confluent\]'"):
        open_driver(made(driver="confluent"), "w0")

"""Settings: what is wrong is named, all of it at once."""

from __future__ import annotations

import pytest

from inference_service.settings import Settings, SettingsError, from_environment

HASH = "a" * 64


def test_defaults_hold_when_nothing_is_set_or_set_empty() -> None:
    assert from_environment({}) == Settings() == from_environment({"PORT": "", "UNKNOWN": "x"})


def test_values_are_read() -> None:
    settings = from_environment(
        {"PORT": "9000", "DRIFT": "true", "DRAIN_DELAY_S": "0.5", "API_KEY_SHA256": f"{HASH}, {HASH}"}
    )
    assert (settings.port, settings.drift, settings.drain_delay_s) == (9000, True, 0.5)
    assert settings.api_key_hashes == [HASH, HASH]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PORT": "http"}, "PORT must be a whole number, not 'http'"),
        ({"PORT": "0"}, "PORT must be at least 1, not '0'"),
        ({"PORT": "70000"}, "PORT must be at most 65535, not 70000"),
        ({"DRIFT": "perhaps"}, "DRIFT must be true or false, not 'perhaps'"),
        ({"DEADLINE_MS": "nan"}, "DEADLINE_MS must be at least 1, not 'nan'"),
        ({"DEADLINE_MS": "soon"}, "DEADLINE_MS must be a number, not 'soon'"),
        ({"MAX_BATCH_ROWS": "50"}, r"MAX_BATCH_ROWS \(50\) must not be below MAX_ROWS \(100\)"),
        ({"MAX_QUEUE_ROWS": "50"}, r"MAX_QUEUE_ROWS \(50\) must not be below MAX_ROWS \(100\)"),
        ({"API_KEY_SHA256": "secret"}, r"API_KEY_SHA256 must be one or two SHA-256 in lower-case hex \(1 given\)"),
        ({"API_KEY_SHA256": f"{HASH},{HASH},{HASH}"}, r"\(3 given\)"),
        ({"MODEL_SHA256": "abc"}, "MODEL_SHA256 must be 64 lower-case hex digits"),
        ({"MODEL_STORE": "http://bucket", "MODEL_VERSION": "m1"}, "MODEL_STORE must look like s3://bucket/prefix"),
        ({"MODEL_STORE": "s3://bucket"}, "MODEL_VERSION must say what to fetch"),
        ({"MODEL_STORE": "s3://bucket", "MODEL_VERSION": "../m1"}, "MODEL_VERSION must say what to fetch"),
    ],
)
def test_wrong_value_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        from_environment(environment)


def test_all_wrong_values_are_named_at_once_and_keys_never_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({"PORT": "x", "MAX_ROWS": "0", "API_KEY_SHA256": "hunter2"})
    assert all(word in str(caught.value) for word in ("PORT", "MAX_ROWS", "API_KEY_SHA256"))
    assert "hunter2" not in str(caught.value)

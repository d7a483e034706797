"""What is no number in the queue's settings is named, and stops no command with a traceback."""

from __future__ import annotations

import pytest

from tests.test_checks import SAFE, found


@pytest.mark.parametrize(
    "key", ["workers", "timeout", "retry", "max_attempts", "queue_limit", "bulk"]
)
@pytest.mark.parametrize("campaigns", [False, True])
def test_a_number_that_is_text_is_named(settings, configure, key, campaigns):
    settings.Q_CLUSTER = SAFE | {"ALT_CLUSTERS": {"campaigns": {key: "4"}}}
    configure(CAMPAIGN_CLUSTER="campaigns")
    if not campaigns:
        settings.Q_CLUSTER = SAFE | {key: "4"}
        configure(CAMPAIGN_CLUSTER="")
    named = found()["E014"]
    assert f"[{key!r}]" in named.msg
    assert ("campaigns" in named.msg) == campaigns


@pytest.mark.parametrize(
    "key", ["workers", "timeout", "retry", "max_attempts", "queue_limit", "bulk"]
)
def test_a_number_that_is_left_open_is_none_to_complain_of(settings, key):
    settings.Q_CLUSTER = SAFE | {key: None}
    assert "E014" not in found()


@pytest.mark.parametrize("queue", [5, "redis", ["orm"]])
def test_settings_that_are_none_at_all_name_no_queue(settings, queue):
    settings.Q_CLUSTER = queue
    assert "W004" in found()

"""The rate of one task by a clock of the test's own, and the outcomes of rows by a plugin of the test's own."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_host.delivery import OUTCOME, Delivery, RateLimiter, map_rows, remove_keys, send_rows
from destination_host.plugin import CallFailed, record, strings, texts, variant


class Clock:
    def __init__(self):
        self.now, self.waits = 100.0, []

    def sleep(self, seconds):
        self.waits.append(round(seconds, 6))
        self.now += seconds


def limiter(clock):
    return RateLimiter(0.5, lambda: clock.now, clock.sleep)


def test_requests_are_spread_evenly_and_a_retry_counts():
    clock = Clock()
    rate = limiter(clock)
    for requests in (1, 3, 1):
        rate.wait()
        rate.spend(requests)
    rate.wait()
    assert clock.waits == [0, 0.5, 1.5, 0.5]


def test_time_that_was_not_used_is_not_saved_up():
    clock = Clock()
    rate = limiter(clock)
    rate.wait()
    rate.spend(1)
    clock.now += 60
    for _ in range(2):
        rate.wait()
        rate.spend(1)
    assert clock.waits == [0, 0, 0.5]


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), min_size=1, max_size=50))
def test_no_more_than_the_rate_goes_out_however_it_is_asked(calls):
    clock = Clock()
    rate = limiter(clock)
    sent = []
    for pause, requests in calls:
        clock.now += pause
        rate.wait()
        sent.append((clock.now, requests))
        rate.spend(requests)
    # Between any two calls, at most what so much time allows.
    for first, (began, _) in enumerate(sent):
        for last in range(first + 1, len(sent)):
            made = sum(requests for _, requests in sent[first:last])
            assert made * 0.5 <= sent[last][0] - began + 1e-6


def test_tasks_share_the_rate_of_a_second_and_of_a_minute():
    assert Delivery.shared({}, tasks=8, requests_per_second=60).seconds == pytest.approx(8 / 60)
    assert Delivery.shared({}, tasks=8, requests_per_second=1000).seconds == pytest.approx(8 * 60 / 5000)
    assert Delivery.shared({"batch_size": 10}, tasks=1).records == 10
    for tasks, rate in ((0, 60), (2, 0)):
        with pytest.raises(ValueError, match="at least one task and a rate above zero"):
            Delivery.shared({}, tasks, rate)


def test_the_key_is_in_no_debug_output():
    assert "s3cret" not in repr(Delivery.shared({"api_key": "s3cret"}, tasks=1))


class Fixed:
    """A plugin that maps ids to themselves, refuses to map `?`, and answers sends as it was told."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    def call(self, name, config, *arguments):
        assert config == "{}"
        if name == "map-batch":
            ids = texts(arguments[0][0].values.payload)
            rows = [row for row, key in enumerate(ids) if key != "?"]
            keys = strings(ids[row] for row in rows)
            batch = record(rows=rows, keys=keys, actions=["upsert"] * len(rows), payloads=keys)
            issues = [record(row=row, key=None, code="invalid-id", message="?") for row, key in enumerate(ids) if key == "?"]
            return record(batch=batch, issues=issues)
        batch = arguments[0]
        self.sent.append((texts(batch.keys), list(batch.actions)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def report(rejected=(), undelivered=(), failure=None):
    faults = [record(record_index=index, code="undefined-attribute", message="no such attribute") for index in rejected]
    return record(rejected=faults, undelivered=list(undelivered), failure=failure, requests=1)


FAILURE = variant("transient", record(kind="server", message="HTTP 503", status=503, retry_after_ms=None))
ALONE = Delivery("{}", seconds=0, records=3)


def outcomes(batches):
    return [{name: row[name] for name in OUTCOME} for batch in batches for row in batch.to_pylist()]


def test_each_row_has_its_outcome_and_a_task_ends_with_its_first_failure():
    plugin = Fixed(report(rejected=[1]), report(undelivered=[1], failure=FAILURE))
    rows = pa.record_batch({"id": ["a", "?", "b", "c", "d", "e", "f"]})
    done = outcomes(send_rows(plugin, ALONE, [rows]))
    assert [row["_outcome"] for row in done] == ["delivered", "rejected", "rejected", "delivered", "undelivered", "delivered", "undelivered"]
    assert [row["_key"] for row in done] == ["a", None, "b", "c", "d", "e", "f"]
    assert [row["_message"] for row in done] == [None, "?", "no such attribute", None, "HTTP 503", None, "HTTP 503"]
    assert [keys for keys, _ in plugin.sent] == [["a", "b"], ["c", "d", "e"]]


def test_a_call_that_fails_leaves_its_rows_undelivered():
    plugin = Fixed(CallFailed(FAILURE))
    done = outcomes(send_rows(plugin, ALONE, [pa.record_batch({"id": ["a", "b"]}), pa.record_batch({"id": ["c"]})]))
    assert {(row["_outcome"], row["_message"]) for row in done} == {("undelivered", "HTTP 503")}
    assert len(plugin.sent) == 1


def test_mapping_sends_nothing():
    plugin = Fixed()
    done = outcomes(map_rows(plugin, ALONE, [pa.record_batch({"id": ["a", "?"]})]))
    assert [(row["_key"], row["_outcome"]) for row in done] == [("a", None), (None, "rejected")]
    assert plugin.sent == []


def test_members_are_removed_by_their_keys_as_they_were_delivered():
    plugin = Fixed(report(), report())
    done = outcomes(remove_keys(plugin, ALONE, [pa.record_batch({"_key": ["p_1", "p_2", "p_3", "p_4"]})]))
    assert plugin.sent == [(["p_1", "p_2", "p_3"], ["delete"] * 3), (["p_4"], ["delete"])]
    assert [row["_outcome"] for row in done] == ["delivered"] * 4


def test_rows_that_all_fail_to_map_cost_no_request():
    plugin = Fixed()
    assert [row["_outcome"] for row in outcomes(send_rows(plugin, ALONE, [pa.record_batch({"id": ["?"]})]))] == ["rejected"]
    assert plugin.sent == []

"""What a mirror may remove: the host's vectors, laws that hold for any situation, and when keys are made in another way."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_host.mirror import Decision, MaxRemovals, Reason, Situation, Verdict, changes, decide, identity, target

VECTORS = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "removals.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_removals_are_decided_as_the_vectors_say(vector):
    given = vector["situation"]
    decision = decide(Situation(**given | {"max_removals": MaxRemovals(**given["max_removals"])}))
    assert (decision.verdict, decision.reason) == (vector["verdict"], vector.get("reason"))
    assert (decision.message is not None) == (decision.verdict == "withhold")


def test_every_reason_and_verdict_stands_in_the_vectors():
    assert {vector["verdict"] for vector in VECTORS} == set(Verdict)
    assert {vector["reason"] for vector in VECTORS if "reason" in vector} == set(Reason)


SITUATIONS = st.builds(
    Situation,
    rows_read=st.integers(0, 5000),
    unnamed_rows=st.integers(0, 2),
    identity_change=st.none() | st.just("prefix"),
    known=st.integers(0, 5000),
    leaving=st.integers(0, 5000),
    max_removals=st.builds(MaxRemovals, st.integers(0, 5000), st.floats(0, 1)),
    allow_removals=st.booleans(),
)


@given(SITUATIONS, st.integers(0, 5000))
def test_what_was_let_through_stays_so_with_more_known_or_fewer_leaving(situation, more):
    if decide(situation) == Decision(Verdict.REMOVE):
        assert decide(replace(situation, known=situation.known + more)).verdict is Verdict.REMOVE
        assert decide(replace(situation, leaving=max(1, situation.leaving - more))).verdict is Verdict.REMOVE
        assert decide(replace(situation, allow_removals=True)).verdict is Verdict.REMOVE


@given(SITUATIONS)
def test_a_row_whose_key_is_not_known_removes_nobody(situation):
    if situation.unnamed_rows:
        assert decide(situation).verdict is not Verdict.REMOVE


@pytest.mark.parametrize(("count", "ratio"), [(-1, 0.1), (0, -0.1), (0, 1.1), (0, float("nan"))])
def test_limits_that_make_no_sense_are_refused(count, ratio):
    with pytest.raises(ValueError, match=r"max_removals\.(count|ratio) is .*: expected a number from 0"):
        MaxRemovals(count, ratio)


MEMBERS = {"deployment_url": "https://a.talon.one", "api_key": "s3cret", "object_type": "customer_profile_audiences", "audience_id": 42}
MAPPED = {"mappings": [{"source": "integration_id", "destination": "integration_id"}]}
OTHER = {"mappings": [{"source": "customer", "destination": "integration_id"}]}


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ({}, {}, None),
        # Not how it is written, but what it makes of a row.
        ({}, MAPPED, None),
        ({}, {"integration_id_prefix": ""}, None),
        (MAPPED, {"mappings": [*MAPPED["mappings"], {"source": "a", "destination": "b"}]}, None),
        ({"batch_size": 1}, {"batch_size": 2}, None),
        ({}, {"integration_id_prefix": "p_"}, 'integration_id_prefix was not set, now it is "p_"'),
        (MAPPED, OTHER, 'column of integration_id was "integration_id", now it is "customer"'),
        ({}, OTHER, 'column of integration_id was "integration_id", now it is "customer"'),
    ],
)
def test_keys_are_made_in_another_way_when_what_shapes_them_changes(plugin, was, now, change):
    descriptor = plugin.call("describe")
    assert changes(identity(descriptor, MEMBERS | was), identity(descriptor, MEMBERS | now)) == change


def test_a_target_is_a_deployment_and_an_audience_and_holds_no_key(plugin):
    descriptor = plugin.call("describe")
    assert target(descriptor, MEMBERS) == target(descriptor, MEMBERS | {"audience_id": "42", "api_key": "another"})
    assert changes(target(descriptor, MEMBERS), target(descriptor, MEMBERS | {"audience_id": 7})) == 'audience_id was "42", now it is "7"'
    assert "s3cret" not in str(target(descriptor, MEMBERS) | identity(descriptor, MEMBERS))

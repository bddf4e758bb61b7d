"""The loaded plugin: texts as the contract packs them, failures, and files that are none."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import wat2wasm

from destination_host import CallFailed, Plugin
from destination_host.plugin import _compile, record, strings, text_column, texts, variant


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_texts_are_packed_and_unpacked_as_they_are(values):
    assert texts(strings(values)) == values


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"))))
def test_a_column_has_a_bit_for_each_value(values):
    column = text_column("note", values)
    bits = [column.validity[row // 8] >> row % 8 & 1 for row in range(len(values))]
    assert bits == [value is not None for value in values]
    assert texts(column.values.payload) == [value or "" for value in values]


def test_a_failed_call_says_what_and_whether_it_is_worth_another(plugin):
    row = record(change="added", values=[variant("null")])
    config = {"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profiles"}
    with pytest.raises(CallFailed, match="integration_id") as failed:
        plugin.call("map-row", json.dumps(config), ["integration_id"], row)
    assert (failed.value.transient, failed.value.kind) == (False, "row")


def test_a_failure_without_a_problem_is_told_too():
    assert str(CallFailed(variant("execution-failed"))) == "the plugin answered execution-failed"


def test_a_plugin_that_imports_more_than_it_may_is_refused_with_all_of_it(tmp_path):
    path = tmp_path / "more.wasm"
    imports = ("a:b/c@1.0.0", "wasi:cli/environment@0.2.3", "wasi:http/incoming-handler@0.2.2", "wasi:io/poll@0.3.0")
    path.write_bytes(wat2wasm("(component " + "".join(f'(import "{name}" (instance))' for name in imports) + ")"))
    with pytest.raises(ValueError, match="a:b/c@1.0.0, wasi:http/incoming-handler@0.2.2, wasi:io/poll@0.3.0$"):
        Plugin(path)


def test_a_function_that_the_contract_has_not_is_named(plugin):
    with pytest.raises(ValueError, match="no function map-everything"):
        plugin.call("map-everything")


def test_a_function_of_an_optional_interface_is_called_by_both_names(plugin):
    limits = plugin.call("route-limits", interface="inspection")
    assert ("GET", "/v1/audiences") in {(limit.method, limit.path) for limit in limits}
    with pytest.raises(ValueError, match="does not export etl:destination/inspections@"):
        plugin.call("route-limits", interface="inspections")


def test_a_component_that_is_no_plugin_is_named(tmp_path):
    other = tmp_path / "other.wat"
    other.write_text("(component)")
    with pytest.raises(ValueError, match=r"other\.wat is not a compatible destination plugin"):
        Plugin(other)


def test_a_plugin_is_compiled_once_for_a_process_and_again_when_its_file_changes(component, tmp_path):
    copy = tmp_path / "plugin.wasm"
    copy.write_bytes(Path(component).read_bytes())
    before = _compile.cache_info().misses
    for _ in range(3):
        Plugin(copy)
    assert _compile.cache_info().misses == before + 1
    copy.write_text("(component)")
    with pytest.raises(ValueError, match="not a compatible destination plugin"):
        Plugin(copy)

"""Arrow batches as the plugin's columns: every type as it goes out, and slices that begin anywhere."""

import datetime
import decimal
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destination_host.arrow_columns import columns
from destination_host.plugin import texts

DAY = datetime.date(2026, 1, 1)
NOON = datetime.datetime(2026, 1, 1, 12)
DAY_OUT, NOON_OUT = '"2026-01-01T00:00:00Z"', '"2026-01-01T12:00:00Z"'
ONE = decimal.Decimal("1.10")
ITEM = pa.struct([("name", pa.string()), ("price", pa.decimal128(38, 2)), ("at", pa.date32())])
MONEY = [ONE, None, decimal.Decimal("0.00"), decimal.Decimal("-7.25")]

COLUMNS = {
    "text": (["Zoë", None, "", "x"], pa.string(), ['"Zoë"', None, '""', '"x"']),
    "large_text": (["a", "bc", None, ""], pa.large_string(), ['"a"', '"bc"', None, '""']),
    "view": (["a", "bc", None, "longer than twelve bytes"], pa.string_view(), ['"a"', '"bc"', None, '"longer than twelve bytes"']),
    "small": ([1, None, -3, 127], pa.int8(), ["1", None, "-3", "127"]),
    "large": ([2**53 + 1, -(2**63), None, 0], pa.int64(), ["9007199254740993", "-9223372036854775808", None, "0"]),
    "unsigned": ([2**64 - 1, None, 0, 1], pa.uint64(), ["18446744073709551615", None, "0", "1"]),
    "half": ([1.5, None, 0.1, -2.0], pa.float64(), ["1.5", None, "0.1", "-2.0"]),
    "money": (MONEY, pa.decimal128(38, 2), ["1.10", None, "0.00", "-7.25"]),
    "flag": ([True, None, False, True], pa.bool_(), ["true", None, "false", "true"]),
    "day": ([DAY, None, DAY, DAY], pa.date32(), [DAY_OUT, None, DAY_OUT, DAY_OUT]),
    "day_in_ms": ([DAY, None, DAY, DAY], pa.date64(), [DAY_OUT, None, DAY_OUT, DAY_OUT]),
    "moment": ([NOON, None, NOON, NOON], pa.timestamp("us"), [NOON_OUT, None, NOON_OUT, NOON_OUT]),
    "zoned": ([NOON, None, NOON, NOON], pa.timestamp("ms", "Europe/Berlin"), [NOON_OUT, None, NOON_OUT, NOON_OUT]),
    "tags": ([["a", "é"], None, [], ["b"]], pa.list_(pa.string()), ['["a","é"]', None, "[]", '["b"]']),
    "amounts": ([[ONE, None], None, [], [ONE]], pa.list_(pa.decimal128(38, 2)), ["[1.10,null]", None, "[]", "[1.10]"]),
    "json": (["[1.10]", None, '{"a":1}', '"x"'], pa.json_(), ["[1.10]", None, '{"a":1}', '"x"']),
    "nothing": ([None] * 4, pa.null(), [None] * 4),
}


def mapping_of(plugin, batch):
    mappings = [{"source": name, "destination": "integration_id" if name == "id" else name} for name in batch.schema.names]
    config = {"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profiles"}
    return plugin.call("map-batch", json.dumps(config | {"mappings": mappings}), columns(batch), [])


def payloads(plugin, batch):
    mapping = mapping_of(plugin, batch)
    assert mapping.issues == []
    return texts(mapping.batch.payloads)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_type_goes_out_to_the_digit(plugin, name):
    values, kind, expected = COLUMNS[name]
    batch = pa.record_batch({"id": pa.array(["a", "b", "c", "d"]), name: pa.array(values, kind)})
    attributes = ["" if text is None else f'"{name}":{text}' for text in expected]
    assert payloads(plugin, batch) == [f'{{"integrationId":"{key}","attributes":{{{it}}}}}' for key, it in zip("abcd", attributes, strict=True)]


def test_a_slice_is_as_if_it_stood_alone(plugin):
    # Over a byte of the bitmaps.
    repeated = {name: pa.array(values * 6, kind) for name, (values, kind, _) in COLUMNS.items()}
    batch = pa.record_batch({"id": pa.array([f"{row}é" for row in range(24)]), **repeated})
    whole = payloads(plugin, batch)
    for start in range(24):
        for count in (1, 3, 24 - start):
            assert payloads(plugin, batch.slice(start, count)) == whole[start : start + count], (start, count)


@settings(max_examples=50)
@given(values=st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1), start=st.integers(0, 20))
def test_texts_cross_to_the_letter(plugin, values, start):
    batch = pa.record_batch({"id": pa.array([str(row) for row in range(len(values))]), "note": pa.array(values, pa.string())})
    sliced = batch.slice(min(start, len(values) - 1))
    out = [json.loads(payload)["attributes"].get("note") for payload in payloads(plugin, sliced)]
    assert out == sliced.column("note").to_pylist()


def test_a_dictionary_is_its_values(plugin):
    ids = pa.array(["a", "b", "a"]).dictionary_encode()
    assert len(payloads(plugin, pa.record_batch({"id": ids}))) == 3


def test_structs_and_maps_are_objects_with_all_their_digits():
    item = pa.array([{"name": "Zoë", "price": ONE, "at": DAY}], ITEM)
    counts = pa.array([[("a", 1), ("b", None)]], pa.map_(pa.string(), pa.int64()))
    none = pa.array([[]], pa.map_(pa.string(), pa.int64()))
    made = [texts(column.values.payload)[0] for column in columns(pa.record_batch({"item": item, "counts": counts, "none": none}))]
    assert made == ['{"name":"Zoë","price":1.10,"at":"2026-01-01"}', '{"a":1,"b":null}', "{}"]


def test_a_number_that_json_has_not_is_a_rejected_row_and_never_null(plugin):
    ids = pa.array(["a", "b"])
    for values in (pa.array([float("nan"), 1.0]), pa.array([[float("inf")], [1.0]])):
        mapping = mapping_of(plugin, pa.record_batch({"id": ids, "score": values}))
        assert [issue.row for issue in mapping.issues] == [0]
        assert list(mapping.batch.rows) == [1]


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([b"\xff"], pa.binary()), "binary"),
        (pa.array([datetime.time(12)], pa.time64("us")), r"time64\[us\]"),
        (pa.array([datetime.timedelta(1)], pa.duration("s")), r"duration\[s\]"),
        (pa.array([[b"\xff"]], pa.list_(pa.binary())), "bytes within a list"),
    ],
)
def test_a_type_that_nobody_takes_is_named_with_its_column(array, kind):
    with pytest.raises(TypeError, match=f'column "photo": the plugin takes no {kind}; cast or drop it'):
        columns(pa.record_batch({"photo": array}))

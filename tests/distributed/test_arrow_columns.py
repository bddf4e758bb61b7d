"""Arrow batches as the plugin's columns: every type as it goes out, and slices that begin anywhere."""

import datetime
import decimal
import json
import os
import unittest

import pyarrow as pa
from arrow_columns import columns
from destination import Plugin

DAY = datetime.date(2026, 1, 1)
NOON = datetime.datetime(2026, 1, 1, 12)
BERLIN = "Europe/Berlin"

COLUMNS = {
    "text": (["Zoë", None, "", "x"], pa.string(), ['"Zoë"', None, '""', '"x"']),
    "large_text": (["a", "bc", None, ""], pa.large_string(), ['"a"', '"bc"', None, '""']),
    "small": ([1, None, -3, 127], pa.int8(), ["1", None, "-3", "127"]),
    "large": ([2**53 + 1, -(2**63), None, 0], pa.int64(), ["9007199254740993", "-9223372036854775808", None, "0"]),
    "unsigned": ([2**64 - 1, None, 0, 1], pa.uint64(), ["18446744073709551615", None, "0", "1"]),
    "half": ([1.5, None, 0.1, -2.0], pa.float64(), ["1.5", None, "0.1", "-2.0"]),
    "money": ([decimal.Decimal("1.10"), None, decimal.Decimal("0.00"), decimal.Decimal("-7.25")], pa.decimal128(38, 2), ["1.10", None, "0.00", "-7.25"]),
    "flag": ([True, None, False, True], pa.bool_(), ["true", None, "false", "true"]),
    "day": ([DAY, None, DAY, DAY], pa.date32(), ['"2026-01-01T00:00:00Z"', None] + ['"2026-01-01T00:00:00Z"'] * 2),
    "day_in_ms": ([DAY, None, DAY, DAY], pa.date64(), ['"2026-01-01T00:00:00Z"', None] + ['"2026-01-01T00:00:00Z"'] * 2),
    "moment": ([NOON, None, NOON, NOON], pa.timestamp("us"), ['"2026-01-01T12:00:00Z"', None] + ['"2026-01-01T12:00:00Z"'] * 2),
    "zoned": ([NOON, None, NOON, NOON], pa.timestamp("ms", BERLIN), ['"2026-01-01T12:00:00Z"', None] + ['"2026-01-01T12:00:00Z"'] * 2),
    "tags": ([["a", "é"], None, [], ["b"]], pa.list_(pa.string()), ['["a","é"]', None, "[]", '["b"]']),
    "nothing": ([None] * 4, pa.null(), [None] * 4),
}


class ArrowColumns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plugin = Plugin(os.environ["COMPONENT"])

    def payloads(self, batch):
        mappings = [{"source": name, "destination": "integration_id" if name == "id" else name} for name in batch.schema.names]
        config = {"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profiles"}
        mapping = self.plugin.call("map-batch", json.dumps(config | {"mappings": mappings}), columns(self.plugin, batch), [])
        self.assertEqual(mapping.issues, [])
        return self.plugin.texts(mapping.batch.payloads)

    def test_every_type_goes_out_to_the_digit(self):
        ids = pa.array(["a", "b", "c", "d"])
        for name, (values, kind, expected) in COLUMNS.items():
            with self.subTest(name):
                payloads = self.payloads(pa.record_batch({"id": ids, name: pa.array(values, kind)}))
                attributes = ["" if text is None else f'"{name}":{text}' for text in expected]
                self.assertEqual(payloads, [f'{{"integrationId":"{key}","attributes":{{{it}}}}}' for key, it in zip("abcd", attributes)])

    def test_a_slice_is_as_if_it_stood_alone(self):
        # Over a byte of the bitmaps.
        repeated = {name: pa.array(values * 6, kind) for name, (values, kind, _) in COLUMNS.items()}
        batch = pa.record_batch({"id": pa.array([f"{row}é" for row in range(24)]), **repeated})
        whole = self.payloads(batch)
        for start in range(24):
            for count in (1, 3, 24 - start):
                self.assertEqual(self.payloads(batch.slice(start, count)), whole[start : start + count], (start, count))

    def test_a_dictionary_is_its_values(self):
        ids = pa.array(["a", "b", "a"]).dictionary_encode()
        self.assertEqual(len(self.payloads(pa.record_batch({"id": ids}))), 3)

    def test_a_type_that_nobody_takes_is_named_with_its_column(self):
        batch = pa.record_batch({"photo": pa.array([b"\xff"], pa.binary())})
        with self.assertRaisesRegex(TypeError, 'column "photo": the plugin takes no binary'):
            columns(self.plugin, batch)


if __name__ == "__main__":
    unittest.main()

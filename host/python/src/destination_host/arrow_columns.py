"""Arrow record batches as the plugin's columns. The layouts are the same: buffers are handed over, not values."""

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import types
from wasmtime.component import Record

from destination_host.plugin import record, strings, variant


class UnsupportedType(TypeError):
    """A column that the plugin can't be handed. The message names it."""


UNITS = {"s": "second", "ms": "millisecond", "us": "microsecond", "ns": "nanosecond"}


def columns(batch: pa.RecordBatch) -> list[Record]:
    """The columns of a batch, for `map-batch`. A type that the plugin has no column for raises UnsupportedType with the column's name."""
    made = []
    for column, array in zip(batch.schema, batch.columns, strict=True):
        try:
            tag, values = _values(array)
        except TypeError as error:
            raise UnsupportedType(f'column "{column.name}": {error}; cast or drop it') from None
        validity = _bitmap(array) if array.null_count else b""
        made.append(record(name=column.name, validity=validity, values=variant(tag, values)))
    return made


def _values(array: pa.Array) -> tuple[str, Any]:
    kind = array.type
    if types.is_dictionary(kind):
        return _values(array.dictionary_decode())
    if types.is_null(kind):
        return "nulls", len(array)
    if types.is_boolean(kind):
        return "booleans", array.fill_null(False).to_pylist()
    if types.is_integer(kind) and kind != pa.uint64():
        return "integers", _numbers(array, pa.int64(), "q")
    if types.is_floating(kind):
        return "floats", _numbers(array, pa.float64(), "d")
    if types.is_decimal(kind) or kind == pa.uint64():
        return "decimals", _strings(array.cast(pa.string()))
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "texts", _strings(array.cast(pa.string()))
    if types.is_date(kind):
        return "dates", _numbers(array.cast(pa.date32()), pa.int32(), "i")
    if types.is_timestamp(kind):
        return "timestamps", record(unit=UNITS[kind.unit], zone=kind.tz, counts=_numbers(array, pa.int64(), "q"))
    if isinstance(kind, pa.JsonType):
        return "json", _strings(array.storage.cast(pa.string()))
    if types.is_nested(kind):
        return "json", strings(to_json(value) for value in array.to_pylist(maps_as_pydicts="strict"))
    raise TypeError(f"the plugin takes no {kind}")


def to_json(value: Any) -> str:
    """A list, a struct or a row as JSON, with all digits of its decimals. NaN goes out as it is: the plugin rejects the row."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name), ensure_ascii=False)}:{to_json(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    if hasattr(value, "isoformat"):
        return json.dumps(value.isoformat())
    if value is None or isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"the plugin takes no {type(value).__name__} within a list")


def _bitmap(array: pa.Array) -> bytes:
    # Made again: a slice's bitmap may begin in the middle of a byte.
    packed: bytes = pa.array(array.is_valid().to_pylist()).buffers()[1].to_pybytes()
    return packed[: (len(array) + 7) // 8]


def _numbers(array: pa.Array, kind: pa.DataType, code: str) -> list[Any]:
    """Nulls are zeros here; the bitmap tells them."""
    array = array.cast(kind).fill_null(0)
    return memoryview(array.buffers()[1]).cast(code)[array.offset : array.offset + len(array)].tolist()  # type: ignore[call-overload, no-any-return]


def _strings(array: pa.Array) -> Record:
    _, offsets, data = array.buffers()
    if offsets is None or not len(array):
        return record(offsets=[], data="")
    starts: list[int] = memoryview(offsets).cast("i")[array.offset : array.offset + len(array) + 1].tolist()
    first, last = starts[0], starts[-1]
    text = data[first:last].to_pybytes().decode() if data else ""
    return record(offsets=[start - first for start in starts] if first else starts, data=text)

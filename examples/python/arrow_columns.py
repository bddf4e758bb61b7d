"""Arrow record batches as the plugin's columns. The layouts are the same: buffers are handed over, not values. Needs pyarrow."""

import json

import pyarrow as pa
import pyarrow.types as types

UNITS = {"s": "second", "ms": "millisecond", "us": "microsecond", "ns": "nanosecond"}


def columns(plugin, batch):
    """The columns of a RecordBatch, for `map-batch`. A type that the plugin has no column for raises TypeError with the column's name."""
    made = []
    for field, array in zip(batch.schema, batch.columns):
        try:
            tag, values = _values(plugin, array)
        except TypeError as error:
            raise TypeError(f'column "{field.name}": {error}') from None
        validity = _bitmap(array) if array.null_count else b""
        made.append(plugin.record(name=field.name, validity=validity, values=plugin.variant(tag, values)))
    return made


def _values(plugin, array):
    kind = array.type
    if types.is_dictionary(kind):
        return _values(plugin, array.dictionary_decode())
    if types.is_null(kind):
        return "nulls", len(array)
    if types.is_boolean(kind):
        return "booleans", array.fill_null(False).to_pylist()
    if types.is_integer(kind) and kind != pa.uint64():
        return "integers", _numbers(array, pa.int64(), "q")
    if types.is_floating(kind):
        return "floats", _numbers(array, pa.float64(), "d")
    if types.is_decimal(kind) or kind == pa.uint64():
        return "decimals", _strings(plugin, array.cast(pa.string()))
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "texts", _strings(plugin, array.cast(pa.string()))
    if types.is_date(kind):
        return "dates", _numbers(array.cast(pa.date32()), pa.int32(), "i")
    if types.is_timestamp(kind):
        counts = _numbers(array, pa.int64(), "q")
        return "timestamps", plugin.record(unit=UNITS[kind.unit], zone=kind.tz, counts=counts)
    if types.is_nested(kind):
        texts = [json.dumps(value, ensure_ascii=False, default=_plain) for value in array.to_pylist()]
        return "json", _strings(plugin, pa.array(texts, pa.string()))
    raise TypeError(f"the plugin takes no {kind}")


def _plain(value):
    """What JSON has no form for, within a list or a struct."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"the plugin takes no {type(value).__name__} within a list")


def _bitmap(array):
    # Built anew: a slice's bitmap may begin in the middle of a byte.
    return pa.array(array.is_valid().to_pylist()).buffers()[1].to_pybytes()[: (len(array) + 7) // 8]


def _numbers(array, kind, code):
    """Nulls are zeros here; the bitmap tells them."""
    array = array.cast(kind).fill_null(0)
    return memoryview(array.buffers()[1]).cast(code)[array.offset : array.offset + len(array)].tolist()


def _strings(plugin, array):
    _, offsets, data = array.buffers()
    if offsets is None or not len(array):
        return plugin.record(offsets=[], data="")
    offsets = memoryview(offsets).cast("i")[array.offset : array.offset + len(array) + 1].tolist()
    first, last = offsets[0], offsets[-1]
    text = data[first:last].to_pybytes().decode() if data else ""
    return plugin.record(offsets=[offset - first for offset in offsets] if first else offsets, data=text)

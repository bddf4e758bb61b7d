"""Every type of Arrow with its extreme values, and what each of them means in JSON."""

import decimal
import struct
import uuid
from decimal import Decimal

import pyarrow as pa
import times

from host import Number


class Rejected:
    """The row is rejected, and the message has this."""

    def __init__(self, *said):
        self.said = said


class Float:
    """A number that is this float, in its own width: e, f or d."""

    def __init__(self, value, width):
        self.value, self.width = value, width

    def __eq__(self, sent):
        return isinstance(sent, Number) and struct.pack(self.width, float(sent)) == struct.pack(self.width, self.value)

    def __repr__(self):
        return f"{self.value!r}"


class Kind:
    """A type, its values as an array, and what each means. `declared` is the type that its mapping asks for."""

    def __init__(self, name, array, meant, declared=None):
        assert len(array) == len(meant), name
        self.name, self.array, self.meant, self.declared = name, array, meant, declared


def raw(width, counts, data_type):
    """An array of these bits: no conversion of a library's takes part."""
    data = pa.py_buffer(struct.pack(f"<{len(counts)}{width}", *counts))
    return pa.Array.from_buffers(data_type, len(counts), [None, data])


TEXTS = [
    "plain",
    " kept ",
    "0012",
    "1e5",
    "NaN",
    "null",
    "true",
    '"quoted"',
    "back\\slash",
    "line\nbreak\r\n",
    "tab\t",
    "\0nul",
    "\x1f\x7f",
    "naïve — 🎉",
    "\u2028\u2029",
    "\u00e9e\u0301",
    "\ufeffmark",
    "\uffff",
    "x" * 100_000,
    "a,b;c|d",
    '{"a": 1}',
    "",
]
OUT_OF_RANGE = Rejected("invalid-time", "a year from 0000 to 9999")


def numbers():
    for bits in (8, 16, 32, 64):
        for sign, low in (("u", 0), ("", -(2 ** (bits - 1)))):
            high = low + 2**bits - 1
            values = [low, high, 0, 1, high - 1] + ([2**53 + 1] if bits == 64 else [])
            yield Kind(f"{sign}int{bits}", pa.array(values, f"{sign}int{bits}"), [Number(value) for value in values])
    for bits, width, values in (
        (16, "e", [0.5, -0.0, 65504.0, 6e-8, 1 / 3]),
        (32, "f", [0.1, -0.0, 3.4028234663852886e38, 1e-45, 16777217.0, 1 / 3]),
        (64, "d", [0.1, -0.0, 1.7976931348623157e308, 5e-324, 9007199254740993.0, 1 / 3, 1e21, 123456789012345680.0]),
    ):
        bad = [float("nan"), float("inf"), float("-inf")]
        array = raw(width, values + bad, getattr(pa, f"float{bits}")())
        yield Kind(f"float{bits}", array, [Float(value, width) for value in values] + [Rejected("not finite")] * 3)


def decimals(arrow):
    cases = [(128, 38, 9), (128, 38, 38), (128, 1, 0), (256, 76, 0), (256, 76, 76), (256, 40, 10), (128, 9, 2), (128, 18, 2)]
    if arrow:
        cases += [(32, 9, 2), (64, 18, 2), (32, 9, 0), (64, 18, 18), (128, 5, -2)]
    with decimal.localcontext() as context:
        context.prec = 100
        for bits, precision, scale in cases:
            digits = int("9" * precision)
            values = [Decimal(n).scaleb(-scale) for n in (digits, -digits, 0, 1, -1, 110 % (digits + 1))]
            array = pa.array(values, getattr(pa, f"decimal{bits}")(precision, scale))
            meant = [Number(format(value, "f")) for value in values]
            yield Kind(f"decimal{bits}({precision},{scale})", array, meant)


def days():
    counts = list({seconds // 86_400 for seconds, _ in times.moments()})
    meant = [f"{times.day(count)}T00:00:00Z" for count in counts]
    far = [-719_529, 2_932_897, 2**31 - 1, -(2**31)]
    yield Kind("date32", raw("i", counts + far, pa.date32()), meant + [OUT_OF_RANGE] * 4)
    yield Kind("date64", raw("q", [count * 86_400_000 for count in counts], pa.date64()), meant)


def days_with_a_clock():
    counts = [1_700_000_000_123, -1, 2**63 - 1, -(2**63)]
    meant = ["2023-11-14T22:13:20.123Z", "1969-12-31T23:59:59.999Z", OUT_OF_RANGE, OUT_OF_RANGE]
    yield Kind("date64 with a time of day", raw("q", counts, pa.date64()), meant)


def timestamps():
    for unit in times.UNITS:
        for zone in (None, "UTC", "Europe/Berlin", "+05:30", "America/St_Johns"):
            counts, meant = [], []
            for seconds, nanosecond in times.moments():
                count, kept = times.count(seconds, nanosecond, unit)
                if -(2**63) <= count < 2**63:
                    counts.append(count)
                    meant.append(times.instant(seconds, kept))
            far = [] if unit == "ns" else [2**63 - 1, -(2**63), (times.EPOCH + 10**7) * 86_400 * 10 ** times.UNITS[unit]]
            array = raw("q", counts + far, pa.timestamp(unit, zone))
            for declared in (None, "time", "string"):
                yield Kind(f"timestamp[{unit}, {zone}] as {declared}", array, meant + [OUT_OF_RANGE] * len(far), declared)


def clocks():
    seconds = [0, 1, 43_200, 86_399]
    for unit, width, bits in (("s", "i", 32), ("ms", "i", 32), ("us", "q", 64), ("ns", "q", 64)):
        counts, meant = [], []
        for second in seconds:
            for nanosecond in (0, 1, 999_999_999, 120_000_000):
                count, kept = times.count(second, nanosecond, unit)
                counts.append(count)
                meant.append(times.clock(second, kept))
        yield Kind(f"time{bits}[{unit}]", raw(width, counts, getattr(pa, f"time{bits}")(unit)), meant)


def texts(arrow):
    for data_type in [pa.string(), pa.large_string()] + ([pa.string_view()] if arrow else []):
        yield Kind(str(data_type), pa.array(TEXTS, data_type), TEXTS)
    for index in (pa.int8(), pa.uint8(), pa.int64(), pa.uint32()):
        yield Kind(f"dictionary of {index}", pa.array(TEXTS).dictionary_encode().cast(pa.dictionary(index, pa.string())), TEXTS)
    numbers = pa.array([2**63 - 1, -(2**63)]).dictionary_encode()
    yield Kind("dictionary of integers", numbers, [Number(2**63 - 1), Number(-(2**63))])
    bytes_types = [pa.binary(), pa.large_binary()] + ([pa.binary_view()] if arrow else [])
    for data_type in bytes_types:
        yield Kind(f"{data_type} as string", pa.array([text.encode() for text in TEXTS], data_type), TEXTS, "string")
    yield Kind("fixed binary as string", pa.array([b"abcd", "é-x".encode()], pa.binary(4)), ["abcd", "é-x"], "string")
    yield Kind("boolean", pa.array([True, False]), [True, False])
    if arrow:
        runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["gold", None]))
        yield Kind("run-end encoded", runs, ["gold", "gold", None])
        yield Kind("uuid", pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=5).bytes], pa.binary(16))), [str(uuid.UUID(int=5))])
        yield Kind("json", pa.ExtensionArray.from_storage(pa.json_(), pa.array(["[1.10]"])), [[Number("1.10")]])


def nested(arrow):
    big, small = 2**63 - 1, -(2**63)
    lists = [[big, None, small], [], [2**53 + 1]]
    meant = [[None if n is None else Number(n) for n in values] for values in lists]
    for data_type in [pa.list_, pa.large_list] + ([pa.list_view, pa.large_list_view] if arrow else []):
        yield Kind(f"{data_type.__name__} of int64", pa.array(lists, data_type(pa.int64())), meant)
    yield Kind("fixed list", pa.array([[1, 2], [big, small]], pa.list_(pa.int64(), 2)), [[Number(1), Number(2)], [Number(big), Number(small)]])
    yield Kind("list of list of text", pa.array([[["a", None], [], None]]), [[["a", None], [], None]])
    yield Kind("list of decimal", pa.array([[Decimal("1.10")]], pa.list_(pa.decimal128(38, 2))), [[Number("1.10")]])
    yield Kind("list of uint64", pa.array([[2**64 - 1]], pa.list_(pa.uint64())), [[Number(2**64 - 1)]])
    moment = (1_700_000_000, 123_456_000)
    for unit, zone in (("us", None), ("us", "Europe/Berlin"), ("ns", "UTC")):
        count, kept = times.count(*moment, unit)
        items = raw("q", [count], pa.timestamp(unit, zone))
        array = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), items)
        for declared in (None, "list(time)"):
            yield Kind(f"list of timestamp[{unit}, {zone}] as {declared}", array, [[times.instant(moment[0], kept)]], declared)
    place = pa.struct([("lat", pa.float64()), ("name", pa.string()), ("n", pa.uint64())])
    yield Kind(
        "struct",
        pa.array([{"lat": 52.5, "name": 'a"\n', "n": 2**64 - 1}], place),
        [{"lat": Float(52.5, "d"), "name": 'a"\n', "n": Number(2**64 - 1)}],
    )
    table = pa.map_(pa.string(), pa.int64())
    yield Kind("map", pa.array([[("k", big), ('é"', None)], []], table), [{"k": Number(big), 'é"': None}, {}])
    yield Kind("map of list", pa.array([[("k", [1, None])]], pa.map_(pa.string(), pa.list_(pa.int32()))), [{"k": [Number(1), None]}])


def all_kinds(arrow):
    """`arrow`: whether the types that Parquet does not have are among them."""
    yield from numbers()
    yield from decimals(arrow)
    yield from days()
    yield from timestamps()
    yield from clocks()
    yield from texts(arrow)
    yield from nested(arrow)
    yield Kind("null", pa.nulls(2), [None, None])
    if arrow:
        yield from days_with_a_clock()


def refused(arrow):
    """Arrays that are refused by their column's name, and the type that their mapping declares."""
    yield "binary", pa.array([b"\xff\x00"]), None
    yield "binary that is no text as string", pa.array([b"ok", b"\xff\x00"]), "string"
    yield "large_binary", pa.array([b"x"], pa.large_binary()), None
    yield "fixed binary", pa.array([b"abcd"], pa.binary(4)), None
    yield "list of binary", pa.array([[b"x"]]), None
    yield "struct of binary", pa.array([{"a": b"x"}]), None
    if arrow:
        for unit in times.UNITS:
            yield f"duration[{unit}]", pa.array([1], pa.duration(unit)), None
        yield "interval", pa.array([(1, 2, 3)], pa.month_day_nano_interval()), None
        yield "sparse union", pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), None
        yield "binary_view", pa.array([b"x"], pa.binary_view()), None
        yield "time beyond a day", raw("q", [86_400_000_001], pa.time64("us")), None

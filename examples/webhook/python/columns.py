"""The contract's columns and packed strings, for any plugin in Python. A fault in them is raised as the failure of the call."""

import json
import math
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from componentize_py_types import Err
from wit_world.exports import destination as wit


def permanent(kind, message, status=None):
    return Err(wit.Failure_Permanent(wit.Problem(kind, message, status, None)))


def transient(kind, message, status=None, retry_after_ms=None):
    return Err(wit.Failure_Transient(wit.Problem(kind, message, status, retry_after_ms)))


def invalid(message):
    return permanent(wit.ProblemKind.CONFIGURATION, message)


class RowError(Exception):
    """A row that has no record: the column at fault, a code in kebab case, and what is wrong."""

    def __init__(self, column, code, message):
        super().__init__(message)
        self.column, self.code = column, code


def unpack(strings):
    """Packed strings as a list. Offsets count bytes of UTF-8."""
    data = strings.data.encode()
    texts = []
    for start, end in pairwise(strings.offsets):
        if not start <= end <= len(data):
            raise invalid(f"offset {end} falls, or is past the end of the data")
        try:
            texts.append(data[start:end].decode())
        except UnicodeDecodeError:
            raise invalid(f"offset {start} or {end} is within a character") from None
    return texts


def pack(texts):
    offsets = [0]
    for text in texts:
        offsets.append(offsets[-1] + len(text.encode()))
    return wit.Strings(offsets, "".join(texts))


NUMBER = re.compile(r"([+-]?)0*(\d+(\.\d+)?([eE][+-]?\d+)?)", re.ASCII)
STEPS = {"SECOND": 1, "MILLISECOND": 1_000, "MICROSECOND": 1_000_000, "NANOSECOND": 1_000_000_000}


def number(digits):
    sign, rest = NUMBER.fullmatch(digits).group(1, 2)
    return sign.replace("+", "") + rest


def timestamp(count, unit):
    step = STEPS[unit.name]
    seconds, fraction = divmod(count, step)
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    digits = f".{fraction:0{len(str(step)) - 1}}".rstrip("0") if fraction else ""
    return f'"{time:%Y-%m-%dT%H:%M:%S}{digits}Z"' if time.year > 999 else f'"{time.year:04}-{time:%m-%dT%H:%M:%S}{digits}Z"'


def one_line(text):
    json.loads(text)
    return text.strip().replace("\n", " ").replace("\r", " ")


def finite(value):
    if not math.isfinite(value):
        raise ValueError(value)
    return repr(value)


# How each kind of value is written as JSON. Digits are copied: no integer or decimal passes through a float.
JSON_OF = {
    wit.Values_Booleans: lambda value: "true" if value else "false",
    wit.Values_Integers: str,
    wit.Values_Floats: finite,
    wit.Values_Decimals: number,
    wit.Values_Texts: lambda value: json.dumps(value, ensure_ascii=False),
    wit.Values_Dates: lambda value: f'"{(date(1970, 1, 1) + timedelta(days=value)).isoformat()}"',
    wit.Values_Json: one_line,
}
PACKED = (wit.Values_Decimals, wit.Values_Texts, wit.Values_Json)


class Column:
    def __init__(self, column):
        values = column.values
        self.name, self.validity, self.kind = column.name, column.validity, type(values)
        self.json_of = JSON_OF.get(self.kind)
        if self.kind is wit.Values_Nulls:
            self.values = range(values.value)
        elif self.kind is wit.Values_Timestamps:
            self.values, unit = values.value.counts, values.value.unit
            self.json_of = lambda count: timestamp(count, unit)
        else:
            self.values = unpack(values.value) if self.kind in PACKED else values.value
        if self.validity and len(self.validity) * 8 < len(self.values):
            raise invalid(f'column "{self.name}": the validity is too short')

    def valid(self, row):
        there = not self.validity or self.validity[row >> 3] >> (row & 7) & 1
        return there and self.kind is not wit.Values_Nulls

    def json(self, row):
        """The value as JSON text."""
        if not self.valid(row):
            return "null"
        try:
            return self.json_of(self.values[row])
        except (ValueError, OverflowError, AttributeError, RecursionError):
            message = f'column "{self.name}": {str(self.values[row])[:40]} has no form in JSON'
            raise RowError(self.name, "invalid-value", message) from None

    def key(self, row):
        """What identifies a row: a text that is not empty, or a whole number."""
        taken = self.valid(row) and self.kind in (wit.Values_Texts, wit.Values_Integers, wit.Values_Decimals)
        text = str(self.values[row]) if taken else ""
        if not text or (self.kind is wit.Values_Decimals and not re.fullmatch(r"-?\d+", text, re.ASCII)):
            message = f'column "{self.name}": expected a text that is not empty, or a whole number'
            raise RowError(self.name, "invalid-key", message)
        return text


class Table:
    """All columns of a batch."""

    def __init__(self, columns):
        self.columns = [Column(column) for column in columns]
        self.length = len(self.columns[0].values) if self.columns else 0
        for column in self.columns:
            if len(column.values) != self.length:
                raise invalid(f'column "{column.name}" has {len(column.values)} values, the first {self.length}')

    def column(self, name):
        for column in self.columns:
            if column.name == name:
                return column
        raise invalid(f'the rows have no column "{name}"; they have {", ".join(column.name for column in self.columns)}')

    def json(self, row):
        """A row as a JSON object."""
        return "{" + ",".join(f"{json.dumps(column.name, ensure_ascii=False)}:{column.json(row)}" for column in self.columns) + "}"


def mapped(rows, changes, key_of, record_of):
    """A record or an issue of each row. `record_of` gives an action and a payload; both raise RowError."""
    if changes and len(changes) != rows:
        raise invalid(f"there are {len(changes)} changes for {rows} rows")
    records, issues = [], []
    for row in range(rows):
        key = None
        try:
            key = key_of(row)
            records.append((row, key, *record_of(row, changes[row] if changes else wit.Change.ADDED)))
        except RowError as error:
            issues.append(wit.RowIssue(row, key, error.column, error.code, str(error)))
    indices, keys, actions, payloads = (list(part) for part in zip(*records, strict=True)) if records else ([], [], [], [])
    return wit.Mapping(wit.MappedBatch(indices, pack(keys), actions, pack(payloads)), issues)

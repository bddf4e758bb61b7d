"""SQLite, whose columns may hold values of every kind: what arrives is what is stored, or is refused by the column's name."""

import json
import os
import sqlite3

from kinds import Float

from host import Number, preview

UNITS = ["0.1", "1e300"]
# The columns: their name, their values, and whether they must arrive. Others may be refused, but never altered.
COLUMNS = [
    ("integers", [2**63 - 1, -(2**63), 0, 2**53 + 1, None], True),
    ("floats", [0.1, -0.5, 1 / 3, 123456.789, None], True),
    ("large floats", [1e300, 0.5], False),
    ("texts", ["", " x ", "0012", "1e5", "naïve — 🎉", "a\nb", "NaN", "inf", None], True),
    ("integers and floats", [2**53 + 1, 0.5], False),
    ("floats and integers", [0.5, 2**53 + 1], False),
    ("small integers and floats", [1, 0.5], False),
    ("integers and texts", [2**63 - 1, "x"], False),
    ("floats and texts", [1.23456789, "x"], False),
    ("texts and floats", ["x", 0.1], False),
    ("blobs", [b"\x00\xff"], False),
    ("texts and blobs", ["x", b"\xff"], False),
    ("integers, later a float", [2**53 + 1] * 1500 + [0.5], False),
    ("floats, later an integer", [0.5] * 1500 + [2**53 + 1], False),
    ("texts, later a float", ["x"] * 1500 + [1.23456789], False),
    ("nulls, later a text", [None] * 1500 + ["x"], False),
    ("only nulls", [None], True),
    ("truths", [True, False], True),
]


def meant(value):
    if isinstance(value, bool):
        return Number(int(value))
    if isinstance(value, int):
        return Number(value)
    return Float(value, "d") if isinstance(value, float) else value


def same(value, sent):
    if value is None or sent is None:
        return value is None and sent is None
    # An integer beside floats is the same number, however it is spelt; beside texts, it is its text.
    if isinstance(value, int) and not isinstance(value, bool) and isinstance(sent, Number):
        return sent == str(value) or sent == f"{value}.0"
    if isinstance(value, (int, float)) and isinstance(sent, str) and not isinstance(sent, Number):
        return sent == str(value)
    return meant(value) == sent


def run(folder, score):
    driver = os.environ["TEST_SQLITE_DRIVER"]
    path = folder / "rows.sqlite"
    for name, values, must in COLUMNS:
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE rows (id TEXT, v)")
            database.executemany("INSERT INTO rows VALUES (?, ?)", [(str(at), value) for at, value in enumerate(values)])
        source = f'type = "adbc"\ndriver = "{driver}"\nuri = {json.dumps(str(path))}\nquery = "SELECT id, v FROM rows ORDER BY rowid"'
        result = preview(folder, source, [("id", "integration_id", None), ("v", "v", "string" if "blob" in name else None)])
        if result.code in (0, 3):
            for at, value in enumerate(values):
                sent = result.sent.get(str(at), {}).get("v")
                score.add("SQLite", name, same(value, sent), f"{name}: {value!r}", value, sent)
        else:
            score.refuse("SQLite", name, not must and not result.sent, result.stderr)
    # A text that is not UTF-8: SQLite takes it.
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE rows (id TEXT, v)")
        database.execute("INSERT INTO rows VALUES ('0', CAST(x'ff41' AS TEXT))")
    result = preview(folder, source, [("id", "integration_id", None), ("v", "v", None)])
    score.refuse("SQLite", "text that is not UTF-8", result.code == 2 and '"v"' in result.stderr, result.stderr)

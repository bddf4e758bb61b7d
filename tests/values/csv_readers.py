"""CSV against two other readers, over whole and damaged texts: equal rows, or an error; never other rows without a word.

A text that is whole must be read. One that was damaged may be refused by any reader; where the host and another both read it, they
must have read the same. Seeded: every run tries the same texts.
"""

import csv
import io
import json
import os
import random
import re
import struct
import subprocess
from collections import Counter

import duckdb

SEED, TEXTS = 20240531, 12_000
PIECES = ["a", "b", "7", " ", "é", "🎉", "\t", "\\", "x y", "0012", "'", ";", "long " * 20]
SPECIAL = ['"', ",", "\n", "\r\n", '""', "\r"]
DAMAGE = ['"', ",", "\n", "\r", "\r\n", "\\", '\\"', "a", " ", "\0", "\ufeff", '""', '"\n"']


def value(rng):
    pieces = PIECES if rng.random() < 0.6 else PIECES + SPECIAL * 2
    return "".join(rng.choice(pieces) for _ in range(rng.randint(0, 3)))


def whole(rng):
    """A table as RFC 4180 has it."""
    columns = rng.randint(1, 4)
    rows = [[f"c{at}" for at in range(columns)]] + [[value(rng) for _ in range(columns)] for _ in range(rng.randint(0, 6))]
    end, always = rng.choice(["\n", "\r\n"]), rng.random()

    def field(text):
        # A lone empty value would be a blank line, which is no row.
        must = any(special in text for special in '",\n\r') or (columns == 1 and text == "")
        return '"' + text.replace('"', '""') + '"' if must or rng.random() < always / 2 else text

    return "".join(",".join(field(text) for text in row) + end for row in rows), rows


def damaged(rng, text):
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        what = rng.random()
        if what < 0.5:
            text = text[:at] + rng.choice(DAMAGE) + text[at:]
        elif what < 0.75:
            text = text[:at] + text[at + rng.randint(1, 3) :]
        elif what < 0.9:
            text = text[:at] + rng.choice(DAMAGE) + text[at + 1 :]
        else:
            text = text[:at]
    return text


def python(text):
    try:
        # What a file begins with for its encoding is no part of its text.
        return [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True) if row], None
    except csv.Error as error:
        return None, str(error)


def duck(database, path, text):
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(text)
    options = "header = false, all_varchar = true, delim = ',', quote = '\"', escape = '\"', strict_mode = true, auto_detect = false"
    width = len((python(text)[0] or [["c0"]])[0])
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(width))
    try:
        rows = database.execute(f"SELECT * FROM read_csv('{path}', {options}, columns = {{{columns}}})").fetchall()
        return [["" if field is None else field for field in row] for row in rows], None
    except duckdb.Error as error:
        return None, re.sub(r"\d+", "N", str(error).split("\n")[0])[:80]


def explained(text, answer):
    """Why another reader refuses what the host reads; RFC 4180 has all of these."""
    if answer["rejected"]:
        return "where the host rejects the last row"
    ends = set(re.findall(r"\r\n|\r|\n", text))
    return "for line breaks of several kinds" if len(ends) > 1 or "\r" in ends else None


def run(folder, score):
    rng = random.Random(SEED)
    texts = []
    for at in range(TEXTS):
        text, rows = whole(rng)
        texts.append((text, rows) if at % 4 == 0 else (damaged(rng, text), None))
    packed = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text, _ in texts)
    process = subprocess.run([os.environ["CSV_ROWS"]], input=packed, stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in process.stdout.decode().split("\n") if line]
    assert len(answers) == len(texts)
    database, seen = duckdb.connect(), Counter()
    for (text, rows), answer in zip(texts, answers, strict=True):
        if rows is not None:
            seen["whole texts"] += 1
            score.add("CSV, whole", "text", answer.get("rows") == rows and answer["rejected"] == 0, repr(text), rows, answer)
        else:
            seen["damaged texts"] += 1
            seen["refused by the host" if "error" in answer else "read by the host"] += 1
        if "error" in answer:
            continue
        for name, reader in (("Python's csv", python), ("DuckDB", lambda text: duck(database, folder / "rows.csv", text))):
            others, error = reader(text)
            if others is None:
                why = explained(text, answer)
                seen[f"refused by {name} alone, {why or error}"] += 1
                if why is None:
                    score.wrong(f"CSV, as {name} reads it", repr(text), error, answer["rows"])
                continue
            # The host does not send a last row that may have been cut off; the others have it.
            others = others[: len(others) - answer["rejected"]]
            if name == "DuckDB":
                # It takes a blank line of a single column for a null.
                others = [row for row in others if row != [""] or len(row) > 1]
                answer = {**answer, "rows": [row for row in answer["rows"] if row != [""]]}
            score.add(f"CSV, as {name} reads it", "text", answer["rows"] == others, repr(text), others, answer["rows"])
            seen[f"read alike by {name}"] += answer["rows"] == others
    for what, count in sorted(seen.items()):
        print(f"    {count:>6} {what}")

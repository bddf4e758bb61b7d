"""CSV and JSON lines, written by Python: to the letter, or refused by the line."""

import csv
import json

from kinds import TEXTS

from host import loads, preview


def csv_values(folder, score):
    texts = (
        [text for text in TEXTS if text and "\0" not in text] + [chr(code) for code in range(1, 0x250)] + ["\U0010ffff", "a\rb", '"', '""', ",", "\n"]
    )
    for name, options in (
        ("CSV", {}),
        ("CSV, all quoted", {"quoting": csv.QUOTE_ALL}),
        ("CSV, LF", {"lineterminator": "\n"}),
        ("CSV; semicolons", {"delimiter": ";"}),
    ):
        # Python quotes what its own reader needs quoted, and takes a lone CR for a line's end only where it is told so.
        if "lineterminator" in options:
            options["quoting"] = csv.QUOTE_ALL
        with open(folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, **options)
            writer.writerow(["id", "v"])
            writer.writerows((at, text) for at, text in enumerate(texts))
        source = f'type = "csv"\npath = "rows.csv"\ndelimiter = {json.dumps(options.get("delimiter", ","))}'
        result = preview(folder, source, [("id", "integration_id", None), ("v", "v", None)])
        for at, text in enumerate(texts):
            sent = result.sent.get(str(at), result.stderr[:300])
            score.add(name, "text", sent == {"v": text}, f"{text[:40]!r}", text[:80], sent)


def ndjson_values(folder, score):
    values = [2**63 - 1, -(2**63), 2**64, 10**400, 0.1, 1e300, True, False, None, [], {}, [1, [2, {"a": None}]], {'é"\n': 1}] + TEXTS
    spelt = [
        "1.10",
        "-0",
        "-0.0",
        "1e400",
        "0.000000000000000000000000000001",
        "123456789012345678901234567890.5",
        '"\\ud83d\\ude00"',
        '"\\/"',
        '"\\u0000"',
    ]
    lines = [json.dumps(value, ensure_ascii=at % 2 == 0) for at, value in enumerate(values)] + spelt
    for name, separate in (("JSON lines, mixed", False), ("JSON lines, a column each", True)):
        with open(folder / "rows.ndjson", "w", encoding="utf-8") as file:
            for at, line in enumerate(lines):
                column = f"c{at}" if separate else "v"
                file.write(f'{{"id":"{at}","{column}":{line}}}\n')
        columns = [f"c{at}" for at in range(len(lines))] if separate else ["v"]
        result = preview(folder, 'type = "ndjson"\npath = "rows.ndjson"', [("id", "integration_id", None)] + [(c, c, None) for c in columns])
        for at, line in enumerate(lines):
            expected = loads(line)
            column = columns[at] if separate else "v"
            sent = result.sent.get(str(at), result.issues.get(at + 1, result.stderr[:300]))
            score.add(name, type(expected).__name__, sent == ({} if expected is None else {column: expected}), line[:60], line[:80], sent)
    for line in (
        '{"id":"1","v":NaN}',
        '{"id":"1","v":Infinity}',
        '{"id":"1","v":-Infinity}',
        '{"id":"1","v":"\\ud83d"}',
        '{"id":"1","v":["\\udc00"]}',
        '{"id":"1","v":{"x":1,"x":2}}',
        '{"id":"1","id":"2"}',
        "{'id':1}",
        '{"id":"1",}',
        '{"id":01}',
        '{"id":"a\tb"}',
        "[1]",
        '{"id":"1"',
    ):
        (folder / "rows.ndjson").write_text(f'{{"id":"0"}}\n{line}\n{{"id":"2"}}\n', encoding="utf-8")
        result = preview(folder, 'type = "ndjson"\npath = "rows.ndjson"', [("id", "integration_id", None)])
        right = (
            result.code == 1
            and not result.sent
            and "line 2" in result.stderr
            and "write each row as one JSON object" not in result.stderr.replace(line, "")
            or line in ("[1]",)
        )
        score.refuse("JSON lines", line, right, result.stderr)

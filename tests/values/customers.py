"""The same customers in every kind of file that people have, each written by another program: the profiles are equal, and those that
were meant. What a file's kind costs is printed, not judged."""

import bz2
import gzip
import json
import lzma
import os
import subprocess
import urllib.request
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fake import Fake

CUSTOMERS = 100_000
PARTS = 20
COLUMNS = ["customer_id", "email", "name", "tier", "value", "orders", "opt_in", "birthday"]
FIELDS = ["integration_id", "email", "name", "loyalty_tier", "lifetime_value", "order_count", "marketing_opt_in", "birthday"]
TYPES = [None, None, None, None, "number", "number", "boolean", "time"]
# What makes the difference between dialects: their own signs, as values.
TIERS = [
    "gold",
    "\\N",
    "NULL",
    "a\\b",
    'TV 16"',
    "semi;colon",
    "tab\tbed",
    "two\nlines",
    "comma, 'quoted'",
    "ünïcode ☃ 🎉",
    " padded ",
    "#1",
    "c:\\d, e",
]


def customers():
    """Rows of a customer's values; None is null."""
    for n in range(CUSTOMERS):

        def some(every, value, n=n):
            return None if n % every == 0 else value

        yield (
            f"cust_{n:06}",
            some(11, f"someone+{n}@example.com"),
            some(13, f'Zoë "{n}", née O\'Neil'),
            some(3, TIERS[n % len(TIERS)]),
            some(5, Decimal(n * 700 + n % 100).scaleb(-2)),
            some(7, n * 31 - 1000),
            some(2, n % 4 == 1),
            some(4, date(1950, 1, 1) + timedelta(days=n % 20000)),
        )


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def meant():
    """The profiles that all of it comes to: attributes as JSON spells them."""
    profiles = {}
    for row in customers():
        attributes = {}
        for field, kind, value in zip(FIELDS[1:], TYPES[1:], row[1:], strict=True):
            if value is not None:
                plain = f'"{value}T00:00:00Z"' if kind == "time" else text(value) if kind else json.dumps(value)
                attributes[field] = json.loads(plain, parse_float=str, parse_int=str)
        profiles[row[0]] = attributes
    return profiles


def plain_csv(file, rows, delimiter=","):
    """Texts in quotes, and nothing at all for a null: Python's own writer tells the two apart only in newer versions."""
    file.write(delimiter.join(COLUMNS) + "\r\n")
    for row in rows:
        fields = ("" if value is None else '"' + text(value).replace('"', '""') + '"' for value in row)
        file.write(delimiter.join(fields) + "\r\n")


def mysql(row):
    """A row as MySQL's INTO OUTFILE has it by default."""

    def field(value):
        if value is None:
            return "\\N"
        return text(value).replace("\\", "\\\\").replace("\t", "\\\t").replace("\n", "\\\n")

    return "\t".join(field(value) for value in row) + "\n"


def write(folder, table):
    """Writes all files. For each: its name, and the lines of its source."""
    rows = list(customers())
    nulls = 'nulls = [""]'

    with open(folder / "plain.csv", "w", newline="", encoding="utf-8") as file:
        plain_csv(file, rows)
    yield "CSV", f'type = "csv"\npath = "plain.csv"\n{nulls}'

    (folder / "parts").mkdir()
    size = CUSTOMERS // PARTS
    for part in range(PARTS):
        pq.write_table(table.slice(part * size, size), folder / "parts" / f"part-{part:05}.parquet")
    (folder / "parts" / "_SUCCESS").touch()
    yield f"{PARTS} Parquet parts, by pyarrow", 'type = "parquet"\npath = "parts/"'
    driver = f'type = "adbc"\ndriver = "{os.environ["DUCKDB_DRIVER"]}"\nentrypoint = "duckdb_adbc_init"'
    yield "a DuckDB query over the parts", f"{driver}\nquery = \"SELECT * FROM read_parquet('parts/*.parquet')\""

    dialect = 'type = "csv"\ndelimiter = "\\t"\nquote = ""\nescape = "\\\\"\nnulls = ["\\\\N"]\ncolumns = ' + json.dumps(COLUMNS)
    with gzip.open(folder / "mysql.txt.gz", "wt", newline="", encoding="utf-8") as file:
        file.writelines(mysql(row) for row in rows)
    yield "gzip, MySQL's escapes and \\N", f'path = "mysql.txt.gz"\n{dialect}'

    duckdb.sql(f"COPY (FROM \"table\") TO '{folder}/duck.csv.gz' (FORMAT csv, HEADER, ESCAPE '\\', NULLSTR 'NULL', COMPRESSION gzip)")
    yield "gzip, backslash escapes, by DuckDB", 'type = "csv"\npath = "duck.csv.gz"\nescape = "\\\\"\nnulls = ["NULL"]'

    duckdb.sql(f"COPY (FROM \"table\") TO '{folder}/rows.ndjson.zst' (FORMAT json, COMPRESSION zstd)")
    yield "zstd NDJSON, by DuckDB", 'type = "ndjson"\npath = "rows.ndjson.zst"'

    with open(folder / "utf16.csv", "w", newline="", encoding="utf-16") as file:
        plain_csv(file, rows, delimiter=";")
    yield "UTF-16 CSV", f'type = "csv"\npath = "utf16.csv"\ndelimiter = ";"\n{nulls}'

    for name, opened in (("xz", lzma.open), ("bz2", bz2.open)):
        (folder / name).mkdir()
        for part in range(4):
            with opened(folder / name / f"{part}.csv.{name}", "wt", newline="", encoding="utf-8") as file:
                plain_csv(file, rows[part * CUSTOMERS // 4 : (part + 1) * CUSTOMERS // 4])
        yield f"4 CSV parts, {name}", f'type = "csv"\npath = "{name}/*.csv.{name}"\n{nulls}'


def sync(folder, url, source):
    """Runs a sync: its seconds, or what it said where it failed."""
    mappings = "".join(
        f'[[destination.mappings]]\nsource = "{column}"\ndestination = "{field}"\n' + (f'type = "{kind}"\n' if kind else "")
        for column, field, kind in zip(COLUMNS, FIELDS, TYPES, strict=True)
    )
    (folder / "sync.toml").write_text(
        f'name = "customers"\n[destination]\ndeployment_url = "{url}"\napi_key = "demo-key"\nobject_type = "customer_profiles"\n{mappings}'
        f'[limits]\nrequests_per_second = "unlimited"\nrequests_per_minute = "unlimited"\n[source]\n{source}\n'
    )
    command = [os.environ["HOST"], "sync", "sync.toml", "--report", "report.json"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if process.returncode:
        return None, process.stderr
    return json.loads((folder / "report.json").read_text())["seconds"], ""


def profiles(fake):
    """What the fake holds, numbers as they are spelt."""
    with urllib.request.urlopen(f"{fake.url}/_fake/state") as answer:
        return json.load(answer, parse_float=str, parse_int=str)["profiles"]


def run(folder, score):
    # DuckDB finds it by its name.
    table = pa.Table.from_pylist(
        [dict(zip(COLUMNS, row, strict=True)) for row in customers()],
        pa.schema(
            [
                ("customer_id", pa.string()),
                ("email", pa.string()),
                ("name", pa.string()),
                ("tier", pa.string()),
                ("value", pa.decimal128(12, 2)),
                ("orders", pa.int64()),
                ("opt_in", pa.bool_()),
                ("birthday", pa.date32()),
            ]
        ),
    )
    duckdb.register("table", table)
    expected = meant()
    fake = Fake()
    try:
        for name, source in write(folder, table):
            fake.post("reset")
            seconds, said = sync(folder, fake.url, source)
            if seconds is None:
                score.wrong(name, "the whole file", f"{CUSTOMERS} profiles", said)
                continue
            seen = profiles(fake)
            differ = [key for key in expected if seen.get(key) != expected[key]]
            for key in differ[:5]:
                score.wrong(name, key, expected[key], seen.get(key))
            score.add(name, "customers", not differ and len(seen) == CUSTOMERS, "all profiles", CUSTOMERS, f"{len(differ)} differ")
            print(f"{name:<40} {CUSTOMERS / seconds:>9,.0f} rows/s", flush=True)
    finally:
        fake.stop()

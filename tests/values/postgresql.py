"""Every type that a column of PostgreSQL can have: what arrives is what the database prints, or is refused with what to write."""

import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from kinds import Float

from host import Number, loads, preview

URI = os.environ.get("TEST_POSTGRESQL")

SETUP = """
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"'); CREATE TYPE pair AS (a int, m money);
CREATE DOMAIN positive AS int CHECK (value > 0); CREATE DOMAIN cash AS money; CREATE DOMAIN lists AS int[];
CREATE TYPE floats AS RANGE (subtype = float8);
"""

# Values of each type, as PostgreSQL reads them. A type that is not here fails the test.
SAMPLES = {
    "boolean": ["t", "f"],
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
    "oid": ["0", "4294967295", "2147483648"],
    "real": ["0.1", "-0", "3.4028235e38", "1e-45", "NaN", "Infinity"],
    "double precision": ["0.1", "-0", "1.7976931348623157e308", "5e-324", "9007199254740993", "NaN", "-Infinity"],
    "numeric": ["0.1", "1.10", "-12345678901234567890123456789.123456789", "1e130", "1e-130", "0", "NaN", "Infinity", "9" * 200 + ".5"],
    "money": ["-1234.50", "92233720368547758.07"],
    "text": ["", " x ", "naïve — 🎉", 'a\nb"', "\\x41", "NULL"],
    "character varying": ["x"],
    "character": ["x"],
    "name": ["x"],
    '"char"': ["x", "é"],
    "bytea": ["\\x00ff", "abc"],
    "json": ['{"a": [1.10, "x\\n", null], "big": 12345678901234567890}', '"x"', "[]"],
    "jsonb": ['{"a": [1.10, "x", null]}', "1.50"],
    "jsonpath": ["$.a"],
    "xml": ["<a>&amp;</a>"],
    "uuid": ["6f1c9a7d-2b4e-4f1c-9a7d-2b4e4f1c9a7d"],
    "date": [
        "0001-01-01",
        "1500-02-28",
        "1969-12-31",
        "2024-02-29",
        "9999-12-31",
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "15000-01-01",
        "0001-01-01 BC",
    ],
    "timestamp without time zone": [
        "0001-01-01",
        "1500-02-28 12:00:00.5",
        "1969-12-31 23:59:59.999999",
        "2262-04-12",
        "9999-12-31 23:59:59.999999",
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "15000-01-01",
        "294246-12-31 23:59:59.999999",
        "4713-01-01 BC",
    ],
    "timestamp with time zone": [
        "0001-01-01+00",
        "2024-03-31 02:30:00+02",
        "9999-12-31 23:59:59.999999+00",
        "infinity",
        "-infinity",
        "15000-01-01+00",
    ],
    "time without time zone": ["00:00", "23:59:59.999999", "24:00", "12:30:00.5"],
    "time with time zone": ["12:00+02", "24:00:00-12"],
    "interval": ["1 mon 2 days 3.5 secs", "-1 year"],
    "bit": ["1"],
    "bit varying": ["10101", ""],
    "inet": ["1.2.3.4/24", "::1"],
    "cidr": ["1.2.3.0/24"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "point": ["(1,2)"],
    "lseg": ["[(0,0),(1,1)]"],
    "path": ["[(0,0),(1,1)]"],
    "box": ["(1,1),(0,0)"],
    "polygon": ["((0,0),(1,1))"],
    "line": ["{1,2,3}"],
    "circle": ["<(0,0),1>"],
    "tsvector": ["'a' 'b':2A"],
    "tsquery": ["'a' & 'b'"],
    "pg_lsn": ["1/16B3748"],
    "tid": ["(1,1)"],
    "xid": ["4294967295"],
    "xid8": ["18446744073709551615"],
    "cid": ["4294967295"],
    "txid_snapshot": ["10:20:10,14"],
    "pg_snapshot": ["10:20:10,14"],
    "int2vector": ["1 2"],
    "oidvector": ["1 4294967295"],
    "regclass": ["pg_class"],
    "regtype": ["integer"],
    "regproc": ["now"],
    "regprocedure": ["now()"],
    "regoper": ["||/"],
    "regoperator": ["+(integer,integer)"],
    "regrole": ["sync"],
    "regnamespace": ["pg_catalog"],
    "regconfig": ["english"],
    "regdictionary": ["simple"],
    "regcollation": ['"C"'],
    "refcursor": ["x"],
    "aclitem": ["sync=r/sync"],
    "gtsvector": [],
    "int4range": ["[1,5)", "empty"],
    "int8range": ["[1,)"],
    "numrange": ["[1.5,2]"],
    "daterange": ["[2024-01-01,infinity)"],
    "tsrange": ["[2024-01-01,2024-01-02)"],
    "tstzrange": ["[2024-01-01+00,2024-01-02+00)"],
    "floats": ["[1.5,2)"],
    "int4multirange": ["{[1,3),[5,7)}"],
    "int8multirange": ["{}"],
    "nummultirange": ["{[1.5,2]}"],
    "datemultirange": ["{}"],
    "tsmultirange": ["{}"],
    "tstzmultirange": ["{}"],
    "floatmultirange": ["{}"],
    "floats_multirange": ["{}"],
    "mood": ["sad", 'it\'s "ok"'],
    "pair": ["(1,$2.50)"],
    "positive": ["5"],
    "cash": ["1.5"],
    "lists": ["{{1,2},{3,4}}", "{}"],
    # Internal ones, whose values no user can write.
    "pg_node_tree": [],
    "pg_ndistinct": [],
    "pg_dependencies": [],
    "pg_mcv_list": [],
    "pg_brin_bloom_summary": [],
    "pg_brin_minmax_multi_summary": [],
}


def psql(statement):
    command = [os.environ["TEST_PSQL"], "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "-c", statement, URI]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env={**os.environ, "PGTZ": "UTC"}).stdout.rstrip("\n")


def printed(expression):
    """What the database prints for each value, and `None` for null."""
    return json.loads(psql(f"SELECT coalesce(json_agg(v::text ORDER BY n), '[]') FROM ({expression}) AS t"))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def rows(kind, samples):
    values = [f"SELECT {n} AS n, {quoted(sample)}::{kind} AS v" for n, sample in enumerate(samples)]
    return " UNION ALL ".join([*values, f"SELECT {len(samples)} AS n, NULL::{kind} AS v"])


def read(folder, expression, value="v"):
    query = f"SELECT n::text AS id, {value} AS v FROM ({expression}) AS t ORDER BY n"
    driver = os.environ["TEST_POSTGRESQL_DRIVER"]
    source = f'type = "adbc"\ndriver = "{driver}"\nuri = "{URI}"\nquery = {json.dumps(query, ensure_ascii=False)}'
    return preview(folder, source, [("id", "integration_id", None), ("v", "v", None)])


def same(kind, text, sent):
    """Whether a value that would be sent is what the database prints."""
    if kind in ("real", "double precision"):
        return Float(float(text), "f" if kind == "real" else "d") == sent
    if kind in ("smallint", "integer", "bigint", "oid", "numeric", "positive"):
        return isinstance(sent, Number) and sent == text
    if kind == "boolean":
        return sent is (text == "true")
    if kind == "date":
        return sent == f"{year_zero(text)}T00:00:00Z"
    if kind.startswith("timestamp"):
        return sent == year_zero(text.removesuffix("+00")).replace(" ", "T") + "Z"
    if kind in ("json", "jsonb"):
        return sent == loads(text)
    return sent == text


def year_zero(text):
    """The year before the first is the year 0 of RFC 3339."""
    return "0000" + text.removesuffix(" BC")[4:] if text.startswith("0001") and text.endswith(" BC") else text


def judge(folder, kind, samples, score):
    expression, what = rows(kind, samples), f"PostgreSQL's {kind}"
    expected = printed(expression)
    result = read(folder, expression)
    if result.code in (0, 3):
        for row, text in enumerate(expected):
            issue, sent = result.issues.get(row + 1), result.sent.get(str(row))
            if issue:
                shown = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(text, text) if kind == "numeric" else text
                named = kind in ("real", "double precision") or (shown.split(" ")[0] in issue)
                score.add("PostgreSQL", kind, '"v"' in issue and named, f"{what}: {text}", text, issue, rejected=True)
            else:
                right = sent == {} if text is None else sent is not None and same(kind, text, sent.get("v"))
                score.add("PostgreSQL", kind, right, f"{what}: {text}", text, sent)
        return None
    if "no binary output function available for type" in result.stderr:
        # The database itself does not hand these over.
        return score.refuse("PostgreSQL", kind, not result.sent, result.stderr)
    found = re.search(r"write (.+) in the query instead", result.stderr)
    score.refuse("PostgreSQL", kind, found is not None and '"v"' in result.stderr, result.stderr)
    if not found:
        return None
    # What the message says to write does what it says.
    instead, base = found[1], kind.removesuffix("[]")
    result = read(folder, expression, instead)
    for row in range(len(expected)):
        text = printed(f"SELECT n, {instead} AS v FROM ({expression}) AS t")[row]
        sent = result.sent.get(str(row), {}).get("v")
        right = sent is None if text is None else sent == (loads(text) if instead.startswith("to_json") else text)
        score.add("PostgreSQL, as the message says", kind, right, f"{what} as {instead}, {base}", text, result.stderr if sent is None else sent)
    return None


def run(folder, score):
    psql(SETUP)
    kinds = psql(
        "SELECT format_type(oid, NULL) FROM pg_type WHERE typtype IN ('b', 'e', 'r', 'm', 'd') AND typelem = 0 "
        "OR oid IN (SELECT reltype FROM pg_class WHERE relkind = 'c' AND relname = 'pair') "
        "OR typname IN ('int2vector', 'oidvector', 'name', 'point', 'box', 'lseg', 'line') ORDER BY 1"
    ).split("\n")
    unknown = [kind for kind in kinds if kind not in SAMPLES and not kind.startswith(("information_schema.", "pg_toast."))]
    if unknown:
        score.wrong("PostgreSQL", "types without a sample", [], unknown)

    def judge_both(kind):
        try:
            judge_kind(kind)
        except subprocess.CalledProcessError as error:
            score.wrong("PostgreSQL", kind, "a sample that it takes", error.stderr)

    def judge_kind(kind):
        samples = SAMPLES[kind]
        with tempfile.TemporaryDirectory(dir=folder) as own:
            judge(own, kind, samples, score)
            if kind not in ("lists", "gtsvector") and not kind.startswith("pg_"):
                element = quoted(samples[0]) if samples else "NULL"
                judge(own, f"{kind}[]", [psql(f"SELECT ARRAY[[{element}::{kind}, NULL], [NULL, {element}::{kind}]]::text")], score)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(judge_both, [kind for kind in kinds if kind in SAMPLES]))

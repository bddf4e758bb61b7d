"""Parquet and Arrow files, written by pyarrow: what arrives is what was meant, or is refused by name."""

import kinds
import pyarrow as pa
import pyarrow.parquet as pq
from kinds import Rejected

from host import preview


def table(columns):
    """A row for each value of each kind: whatever is rejected stands alone."""
    rows = sum(len(kind.array) for kind in columns)
    arrays, start = [pa.array([str(row) for row in range(rows)])], 0
    for kind in columns:
        kind_type = kind.array.type
        parts = [pa.nulls(start, kind_type), kind.array, pa.nulls(rows - start - len(kind.array), kind_type)]
        arrays.append(pa.chunked_array(parts).combine_chunks() if not pa.types.is_run_end_encoded(kind_type) else pa.chunked_array(parts))
        start += len(kind.array)
    return pa.table(arrays, names=["id"] + [f"c{at}" for at in range(len(columns))])


def judge(name, folder, source, columns, score):
    """Compares what would be sent with what was meant."""
    mappings = [("id", "integration_id", None)]
    mappings += [(f"c{at}", f"c{at}", kind.declared) for at, kind in enumerate(columns)]
    result = preview(folder, source, mappings)
    if result.code not in (0, 3):
        return score.wrong(name, "the whole file", "rows", result.stderr)
    row = 0
    for at, kind in enumerate(columns):
        for meant in kind.meant:
            what = f"{kind.name}, value {row}"
            if isinstance(meant, Rejected):
                issue = result.issues.get(row + 1, "")
                right = issue and f'"c{at}"' in issue and all(said in issue for said in meant.said)
                score.add(name, kind.name, right, what, meant.said, issue or result.sent.get(str(row)), rejected=True)
            else:
                sent = result.sent.get(str(row), result.issues.get(row + 1))
                expected = {} if meant is None else {f"c{at}": meant}
                score.add(name, kind.name, sent == expected, what, expected, sent)
            row += 1
    return None


def judge_refused(name, folder, source, write, arrow, score):
    for what, array, declared in kinds.refused(arrow):
        ids = pa.array([str(row) for row in range(len(array))])
        write(pa.table([ids, array], names=["id", "the column"]))
        result = preview(folder, source, [("id", "integration_id", None), ("the column", "value", declared)])
        right = result.code in (1, 2) and '"the column"' in result.stderr and not result.sent
        score.refuse(name, what, right, result.stderr)
        # One that is not mapped hinders nobody.
        alone = preview(folder, source, [("id", "integration_id", None)])
        score.add(name, what, alone.code == 0, f"{what}, not mapped", 0, alone.stderr)


def parquet(folder, score):
    path = folder / "rows.parquet"
    source = 'type = "parquet"\npath = "rows.parquet"'
    columns = list(kinds.all_kinds(arrow=False))
    ways = {
        "Parquet": {},
        "Parquet without Arrow's schema": {"store_schema": False},
        "Parquet with INT96": {"use_deprecated_int96_timestamps": True, "store_schema": False},
        "Parquet with INT96 and Arrow's schema": {"use_deprecated_int96_timestamps": True},
        "Parquet 1.0": {"version": "1.0", "store_schema": False},
        "Parquet, plain pages 2.0": {"use_dictionary": False, "data_page_version": "2.0", "compression": "zstd"},
    }
    for name, options in ways.items():
        fit = [kind for kind in columns if fits(kind, options)]
        pq.write_table(table(fit), path, **options)
        judge(name, folder, source, fit, score)
    judge_refused("Parquet", folder, source, lambda rows: pq.write_table(rows, path), False, score)


def fits(kind, options):
    """Whether pyarrow writes a kind in this way without altering it itself."""
    if pa.types.is_timestamp(kind.array.type):
        unit = kind.array.type.unit
        # Seconds become milliseconds, which do not hold them all; and before 2.6, nanoseconds become microseconds.
        far = any(isinstance(meant, Rejected) for meant in kind.meant)
        if unit == "s" and far or options.get("use_deprecated_int96_timestamps") and far:
            kind.meant = [meant for meant in kind.meant if not isinstance(meant, Rejected)]
            kind.array = kind.array.slice(0, len(kind.meant))
        return not (options.get("version") == "1.0" and unit == "ns")
    if "list of timestamp[ns" in kind.name:
        return options.get("version") != "1.0"
    return True


def arrow(folder, score):
    path = folder / "rows.arrow"
    source = 'type = "arrow"\npath = "rows.arrow"'
    columns = list(kinds.all_kinds(arrow=True))

    def write(new, rows, **options):
        with new(path, rows.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(rows)

    for name, new, options in (
        ("Arrow stream", pa.ipc.new_stream, {}),
        ("Arrow file, zstd", pa.ipc.new_file, {"compression": "zstd"}),
        ("Arrow stream, lz4", pa.ipc.new_stream, {"compression": "lz4", "emit_dictionary_deltas": True}),
    ):
        write(new, table(columns), **options)
        judge(name, folder, source, columns, score)
    judge_refused("Arrow", folder, source, lambda rows: write(pa.ipc.new_stream, rows), True, score)

"""Times as the writer means them: counted by Python's own calendar, and by hand for the years that it does not have."""

from datetime import date

UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
EPOCH = date(1970, 1, 1).toordinal()

# A second and the nanoseconds within it, over the years 1 to 9999 and at the edges of what 64 bits of nanoseconds hold.
DAYS = [
    (1, 1, 1),
    (4, 2, 29),
    (1500, 2, 28),
    (1582, 10, 15),
    (1677, 9, 21),
    (1677, 9, 22),
    (1815, 6, 18),
    (1899, 12, 31),
    (1900, 1, 1),
    (1969, 12, 31),
    (1970, 1, 1),
    (2000, 2, 29),
    (2024, 5, 31),
    (2038, 1, 19),
    (2262, 4, 11),
    (2262, 4, 12),
    (2300, 1, 1),
    (3000, 1, 1),
    (9999, 12, 31),
]
CLOCKS = [(0, 0), (86_399, 999_999_999), (43_200, 1), (3_723, 123_456_000), (59, 120_000_000), (1, 1_000)]


def moments():
    """Seconds since 1970 and nanoseconds."""
    for day in DAYS:
        for second, nanosecond in CLOCKS:
            yield (date(*day).toordinal() - EPOCH) * 86_400 + second, nanosecond


def count(seconds, nanosecond, unit):
    """The count of a unit, and the nanoseconds that it keeps."""
    step = 10 ** (9 - UNITS[unit])
    return seconds * 10 ** UNITS[unit] + nanosecond // step, nanosecond // step * step


def day(days):
    return date.fromordinal(days + EPOCH).isoformat()


def clock(second, nanosecond):
    fraction = f".{nanosecond:09}".rstrip("0") if nanosecond else ""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{fraction}"


def instant(seconds, nanosecond):
    return f"{day(seconds // 86_400)}T{clock(seconds % 86_400, nanosecond)}Z"

"""What was compared, and what came out."""

import sys
import threading
from collections import defaultdict


class Score:
    def __init__(self):
        self.lock = threading.Lock()
        self.values, self.kinds, self.rejected, self.refused, self.faults = (
            defaultdict(int),
            defaultdict(set),
            defaultdict(int),
            defaultdict(list),
            [],
        )

    def add(self, source, kind, right, what, expected, seen, rejected=False):
        """A value that must arrive as it was meant, or, `rejected`, must not arrive."""
        with self.lock:
            self.values[source] += 1
            self.kinds[source].add(kind)
            self.rejected[source] += rejected
        if not right:
            self.wrong(source, what, expected, seen)

    def refuse(self, source, kind, right, seen):
        """A column that must be refused by its name."""
        self.refused[source].append(kind)
        if not right:
            self.wrong(source, kind, "a refusal by the column's name", seen)

    def wrong(self, source, what, expected, seen):
        self.faults.append(f"{source}: {what}\n    expected {str(expected)[:300]}\n    seen     {str(seen)[:600]}")

    def print(self):
        for source in self.values:
            print(
                f"{source:<40} {len(self.kinds[source]):>4} types, {self.values[source]:>6} values, "
                f"{self.rejected[source]:>4} rejected by design, {len(self.refused[source]):>3} columns refused by name"
            )
        for fault in self.faults[:40]:
            print(fault, file=sys.stderr)
        print(f"{sum(self.values.values())} values, {len(self.faults)} not as they were meant")
        return 1 if self.faults else 0

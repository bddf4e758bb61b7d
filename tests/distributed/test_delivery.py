"""The pace of one task, by a clock of the test's own."""

import unittest

from delivery import Delivery, Pace


class Clock:
    def __init__(self):
        self.now, self.waits = 100.0, []

    def sleep(self, seconds):
        self.waits.append(round(seconds, 6))
        self.now += seconds


class PaceTest(unittest.TestCase):
    def test_requests_are_spread_evenly_and_a_retry_counts(self):
        clock = Clock()
        pace = Pace(0.5, lambda: clock.now, clock.sleep)
        for requests in (1, 3, 1):
            pace.wait()
            pace.spend(requests)
        pace.wait()
        self.assertEqual(clock.waits, [0, 0.5, 1.5, 0.5])

    def test_time_that_was_not_used_is_not_saved_up(self):
        clock = Clock()
        pace = Pace(0.5, lambda: clock.now, clock.sleep)
        pace.wait()
        pace.spend(1)
        clock.now += 60
        for _ in range(2):
            pace.wait()
            pace.spend(1)
        self.assertEqual(clock.waits, [0, 0, 0.5])

    def test_tasks_share_the_rate(self):
        self.assertAlmostEqual(Delivery.shared({}, tasks=8, requests_per_second=60).seconds, 8 / 60)
        self.assertEqual(Delivery.shared({"batch_size": 10}, tasks=1).records, 10)


if __name__ == "__main__":
    unittest.main()

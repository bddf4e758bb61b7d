//! Idempotency keys: by them a server tells a request that is sent again from a new one. One is made for each record that is sent,
//! and kept through its repetitions.
//!
//! A key must not come twice, whichever instance, process or machine makes it, and a component has no random numbers: its only
//! sources are the engine's clocks. So a key has four parts: the wall clock in nanoseconds, the monotonic clock, a number that
//! grows with each key of this instance, and a hash of the record. Keys are equal only where all of them are:
//!
//! - One instance never makes one twice: the number grows. So it does on a clock that stands still.
//! - Two instances (workers, processes, machines) make an equal one only if both send the same content under the same
//!   record's key, as a key of the same number, at the same nanosecond by the one clock and the same millisecond by the other. An
//!   engine keeps a record's key in flight once, so none does that. Two engines that know nothing of each other
//!   might, once in longer than anybody waits; then the server takes the second for a repetition of the first,
//!   to which it is equal to the byte: the change is made once instead of twice, and nothing is lost.
//! - A clock that was set back has to be met again at the same nanosecond, by an instance that has run for as long and sent as much, with the same content.
//!   That is why a hash of the content alone would not do: A, then B, then A again within a day are three changes.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Record;
use crate::clock::Clock;
use crate::value::digits::write_integer;

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// A new key for a record: at most 83 characters, digits and dashes.
pub(super) fn new_key(record: &Record<'_>, clock: &mut dyn Clock) -> String {
    let number = MADE.get().wrapping_add(1);
    MADE.set(number);
    let mut hash = DefaultHasher::new();
    (record.key, &record.item).hash(&mut hash);
    let mut key = String::new();
    for part in [clock.unix_nanoseconds(), clock.now_ms(), number, hash.finish()] {
        if !key.is_empty() {
            key.push('-');
        }
        // The sign bit is no use here, and would be a second dash.
        write_integer((part & (u64::MAX >> 1)).cast_signed(), &mut key);
    }
    key
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::testing::TestClock;

    fn record<'a>(key: &'a str, item: &'a str) -> Record<'a> {
        Record { batch_index: 0, key, item: item.into() }
    }

    #[test]
    fn one_instance_makes_none_twice_on_a_clock_that_stands_still() {
        let mut clock = TestClock::new();
        let keys: HashSet<String> = (0..10_000).map(|_| new_key(&record("a", "{}"), &mut clock)).collect();
        assert_eq!(keys.len(), 10_000);
        assert!(keys.iter().all(|key| key.len() <= 255 && key.bytes().all(|b| b.is_ascii_digit() || b == b'-')));
    }

    #[test]
    fn instances_that_began_together_make_others_for_other_records() {
        // Each thread has the count of an instance that has just begun.
        let keys: HashSet<String> = [("a", "{}"), ("b", "{}"), ("a", "{1}"), ("a{", "}")]
            .map(|(key, item)| {
                let made = std::thread::spawn(move || new_key(&record(key, item), &mut TestClock::new()));
                made.join().unwrap()
            })
            .into();
        assert_eq!(keys.len(), 4, "{keys:?}");
    }

    #[test]
    fn another_nanosecond_makes_another() {
        let at = |unix| {
            let made =
                std::thread::spawn(move || new_key(&record("a", "{}"), &mut TestClock { unix, ..TestClock::new() }));
            made.join().unwrap()
        };
        assert_ne!(at(1), at(2));
        assert_eq!(at(1), at(1), "the clock makes the difference");
    }

    #[test]
    fn the_longest_key_is_short_enough() {
        struct End;
        impl Clock for End {
            fn now_ms(&mut self) -> u64 {
                u64::MAX
            }
            fn unix_nanoseconds(&mut self) -> u64 {
                u64::MAX
            }
            fn sleep_ms(&mut self, _: u64) {}
        }
        assert!(new_key(&record("a", "{}"), &mut End).len() <= 83);
    }
}

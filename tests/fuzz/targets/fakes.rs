//! What stands in for the world where requests are fuzzed: a clock on which waiting takes no time, headers and broken connections out of
//! what the fuzzer thought of, and the contract's texts.

use talon_one_destination::bindings::exports::etl::destination::destination::Strings;
use talon_one_destination::{Clock, Headers, TransportErrorKind};

pub struct Time(pub u64);

impl Clock for Time {
    fn now_ms(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn unix_nanoseconds(&mut self) -> u64 {
        (1_800_000_000_000 + self.0) * 1_000_000
    }

    fn sleep_ms(&mut self, milliseconds: u64) {
        self.0 = self.0.saturating_add(milliseconds);
    }
}

pub fn strings(texts: impl Iterator<Item = String>) -> Strings {
    let mut strings = Strings { offsets: vec![0], data: String::new() };
    for text in texts {
        strings.data.push_str(&text);
        strings.offsets.push(strings.data.len() as u32);
    }
    strings
}

pub fn headers([retry_after, content_type, content_encoding, location, server]: [Option<String>; 5]) -> Headers {
    Headers { retry_after, content_type, content_encoding, location, server }
}

pub fn broken(kind: u8) -> TransportErrorKind {
    match kind % 5 {
        0 => TransportErrorKind::Connect,
        1 => TransportErrorKind::Timeout,
        2 => TransportErrorKind::Reset,
        3 => TransportErrorKind::ConnectTimeout,
        _ => TransportErrorKind::Denied,
    }
}

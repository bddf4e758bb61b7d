//! The members of an audience as CSV, line by line as they are sent: an export of any size takes no memory.

use std::sync::Arc;

use bytes::Bytes;

use crate::deployment::members::{Members, Place};

/// Bytes of a chunk, or a line more.
const CHUNK: usize = 64 << 10;
const HEADER: &str = "profileintegrationid\n";

pub(super) struct Export {
    members: Arc<Members>,
    place: Place,
    header: Option<&'static str>,
}

impl Export {
    /// Of the members as they are now.
    pub(super) fn new(members: Arc<Members>) -> Self {
        Self { members, place: Place::START, header: Some(HEADER) }
    }
}

impl Iterator for Export {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut text = self.header.take().unwrap_or_default().to_owned();
        self.members.walk(&mut self.place, |member| {
            push_line(&mut text, member);
            text.len() < CHUNK
        });
        (!text.is_empty()).then(|| Bytes::from(text))
    }
}

/// A line of one field, in quotes where RFC 4180 wants them.
fn push_line(text: &mut String, field: &str) {
    if field.contains(['"', ',', '\n', '\r']) {
        text.push('"');
        text.push_str(&field.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(field);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_a_reader_expects() {
        let mut text = String::new();
        for field in ["plain", "a,b", "a\"b", "a\nb", " a "] {
            push_line(&mut text, field);
        }
        assert_eq!(text, "plain\n\"a,b\"\n\"a\"\"b\"\n\"a\nb\"\n a \n");
    }
}

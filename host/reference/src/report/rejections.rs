//! Rejected rows by the code of their reason. Which rows they were is in the dead letters.

use serde::Serialize;

/// Kinds of rejection that are told apart. A destination whose codes never repeat does not make the report grow.
pub(super) const MOST_CODES: usize = 100;

/// Rejections of one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejections {
    /// The code.
    pub code: String,
    /// How many rows have it.
    pub rows: u64,
    /// The first such row of the source, from 1; `null` where it is a removal.
    pub first_row: Option<u64>,
    /// What was said of that row.
    pub message: String,
}

/// Rejections as they come, counted by code.
#[derive(Debug, Default)]
pub struct RejectionTally {
    codes: Vec<Rejections>,
}

impl RejectionTally {
    /// Counts one.
    pub fn add(&mut self, code: &str, message: &str, row: Option<u64>) {
        if let Some(known) = self.codes.iter_mut().find(|known| known.code == code) {
            known.rows += 1;
            // Answers come in any order; the report names the same row each time.
            if row.is_some_and(|row| known.first_row.is_none_or(|first| row < first)) {
                known.first_row = row;
                message.clone_into(&mut known.message);
            }
            return;
        }
        if self.codes.len() < MOST_CODES {
            self.codes.push(Rejections { code: code.to_owned(), rows: 1, first_row: row, message: message.to_owned() });
        }
    }

    /// All codes, the most frequent first.
    pub fn finish(mut self) -> Vec<Rejections> {
        self.codes.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.code.cmp(&b.code)));
        self.codes
    }

    /// The most frequent so far.
    pub fn commonest(&self) -> Option<&Rejections> {
        self.codes.iter().max_by(|a, b| a.rows.cmp(&b.rows).then_with(|| b.code.cmp(&a.code)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_counted_by_code() {
        let mut tally = RejectionTally::default();
        tally.add("a", "first a", Some(1));
        // Answers come in any order; the report does not depend on it.
        tally.add("b", "a removal", None);
        tally.add("b", "second b", Some(3));
        tally.add("b", "first b", Some(2));
        tally.add("b", "third b", Some(4));
        assert_eq!(tally.commonest().map(|rejections| rejections.rows), Some(4));
        let told = tally.finish();
        assert_eq!(
            told.iter().map(|r| (r.code.as_str(), r.rows, r.first_row)).collect::<Vec<_>>(),
            [("b", 4, Some(2)), ("a", 1, Some(1))]
        );
        assert_eq!(told[0].message, "first b");

        let mut many = RejectionTally::default();
        (0..1000).for_each(|n| many.add(&n.to_string(), "x", None));
        assert_eq!(many.finish().len(), MOST_CODES);
    }
}

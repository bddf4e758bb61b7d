//! What the destination did besides storing the records, counted by its own words for it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Kinds that are told apart. A destination whose kinds never repeat does not make the report grow.
const MOST_KINDS: usize = 100;
/// What the rest is counted as.
const REST: &str = "(other)";

/// How often which effect came about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Effects(BTreeMap<String, u64>);

impl Effects {
    /// Counts more of one kind.
    pub fn add(&mut self, kind: String, times: u64) {
        let known = self.0.contains_key(&kind) || self.0.len() < MOST_KINDS;
        *self.0.entry(if known { kind } else { REST.to_owned() }).or_default() += times;
    }

    /// Each kind and how often it came about, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(kind, times)| (kind.as_str(), *times))
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_and_bounded() {
        let mut effects = Effects::default();
        for number in 0..150 {
            effects.add(format!("kind {}", number % 120), 2);
        }
        assert_eq!(effects.total(), 300);
        assert_eq!(effects.iter().count(), MOST_KINDS + 1);
        assert_eq!(effects.iter().find(|(kind, _)| *kind == "kind 0"), Some(("kind 0", 4)));
        assert_eq!(effects.iter().next(), Some((REST, 40)));
    }
}

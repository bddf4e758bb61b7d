//! How many items a body has, without parsing it: the occurrences of the member that every item has once.
//!
//! It is exact for a body without space between a member's name and its colon. Text inside a string can't be taken
//! for a member, because its quotes are escaped. A body that is not JSON gets some number.

use memchr::memmem::Finder;

/// Counts over chunks, wherever they are cut.
#[derive(Debug)]
pub(crate) struct ItemCounter {
    member: Finder<'static>,
    /// The end of the last chunk: what may be the start of an occurrence.
    carry: Vec<u8>,
    count: u32,
}

impl ItemCounter {
    /// For bodies whose items each have `member`, given as `"name":`.
    pub(crate) fn new(member: &'static str) -> Self {
        Self { member: Finder::new(member), carry: Vec::new(), count: 0 }
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let reach = self.member.needle().len() - 1;
        // What lies over the cut starts in the carry and ends in the first bytes of this chunk. Both are shorter than
        // an occurrence, so nothing is counted twice.
        self.carry.extend(chunk.iter().take(reach));
        let found = self.member.find_iter(&self.carry).count() + self.member.find_iter(chunk).count();
        self.count = self.count.saturating_add(u32::try_from(found).unwrap_or(u32::MAX));
        match chunk.len().checked_sub(reach).and_then(|start| chunk.get(start..)) {
            Some(end) => {
                self.carry.clear();
                self.carry.extend(end);
            }
            None => {
                self.carry.drain(..self.carry.len().saturating_sub(reach));
            }
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEMBER: &str = "\"integrationId\":";

    fn count(chunks: &[&[u8]]) -> u32 {
        let mut counter = ItemCounter::new(MEMBER);
        for chunk in chunks {
            counter.feed(chunk);
        }
        counter.count()
    }

    #[test]
    fn counts_members_and_not_text_or_longer_names() {
        let body = br#"{"customerProfiles":[{"integrationId":"\"integrationId\":"},{"profileIntegrationId":"integrationId"}]}"#;
        assert_eq!(count(&[body]), 1);
        assert_eq!(count(&[]), 0);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(pieces in prop::collection::vec(prop_oneof![
            Just(MEMBER), Just("\"integ"), Just("rationId\":"), Just("x"), Just("\"")
        ], 0..12), size in 1usize..40) {
            let body = pieces.concat();
            let whole = count(&[body.as_bytes()]);
            let chunks: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
            prop_assert_eq!(count(&chunks), whole);
            prop_assert_eq!(usize::try_from(whole), Ok(body.matches(MEMBER).count()));
        }
    }
}

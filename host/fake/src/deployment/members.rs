//! The members of one audience: those that calls added, and a crowd of any size that takes no memory.
//!
//! The order in which they are listed is nobody's promise, so it is not the order of the IDs here.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Members that have never been written down: `member_00000000` and so on, all but those that were removed.
#[derive(Debug, Clone, Default)]
struct Crowd {
    count: u64,
    removed: BTreeSet<u64>,
}

const PREFIX: &str = "member_";
const DIGITS: usize = 8;
/// A prime: steps of it reach every member of a crowd that is not a multiple of it.
const STRIDE: u64 = 7_368_787;

impl Crowd {
    fn id(number: u64) -> String {
        format!("{PREFIX}{number:0DIGITS$}")
    }

    /// The number of an ID that is one of the crowd's, removed or not.
    fn number(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(PREFIX).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let number = digits.parse().ok()?;
        (number < self.count && Self::id(number) == id).then_some(number)
    }

    /// The member at a place of the list; none where it was removed.
    fn at(&self, place: u64) -> Option<String> {
        let stride = if self.count.is_multiple_of(STRIDE) { 1 } else { STRIDE };
        let number = u128::from(place) * u128::from(stride) % u128::from(self.count);
        let number = u64::try_from(number).ok()?;
        (!self.removed.contains(&number)).then(|| Self::id(number))
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    crowd: Crowd,
    added: BTreeSet<String>,
}

impl Members {
    pub(crate) fn crowd(count: u64) -> Self {
        Self { crowd: Crowd { count, removed: BTreeSet::new() }, added: BTreeSet::new() }
    }

    pub(crate) fn insert(&mut self, id: String) {
        match self.crowd.number(&id) {
            Some(number) => self.crowd.removed.remove(&number),
            None => self.added.insert(id),
        };
    }

    pub(crate) fn remove(&mut self, id: &str) {
        match self.crowd.number(id) {
            Some(number) => self.crowd.removed.insert(number),
            None => self.added.remove(id),
        };
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        match self.crowd.number(id) {
            Some(number) => !self.crowd.removed.contains(&number),
            None => self.added.contains(id),
        }
    }

    /// Whether an ID is one of the crowd's, member or not: its profile was never written down either.
    pub(crate) fn is_of_crowd(&self, id: &str) -> bool {
        self.crowd.number(id).is_some()
    }

    pub(crate) fn count(&self) -> u64 {
        self.added.len() as u64 + self.crowd.count - self.crowd.removed.len() as u64
    }

    /// All of them, in the order in which they are listed.
    pub(crate) fn list(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let crowd = (0..self.crowd.count).filter_map(|place| self.crowd.at(place).map(Cow::Owned));
        self.added.iter().rev().map(|id| Cow::Borrowed(id.as_str())).chain(crowd)
    }

    /// Hands members to `each` from where `place` stands, as long as it wants more. False at the end.
    pub(crate) fn walk(&self, place: &mut Place, mut each: impl FnMut(&str) -> bool) -> bool {
        if let Place::Added(before) = place {
            let end = before.take().map_or(Bound::Unbounded, Bound::Excluded);
            for id in self.added.range::<String, _>((Bound::Unbounded, end)).rev() {
                if !each(id) {
                    *before = Some(id.clone());
                    return true;
                }
            }
            *place = Place::Crowd(0);
        }
        while let Place::Crowd(next) = place
            && *next < self.crowd.count
        {
            let id = self.crowd.at(*next);
            *next += 1;
            if id.is_some_and(|id| !each(&id)) {
                return true;
            }
        }
        false
    }
}

/// How far a list was walked.
#[derive(Debug)]
pub(crate) enum Place {
    /// Through those that were added, down to this one.
    Added(Option<String>),
    /// Through those, and so many of the crowd.
    Crowd(u64),
}

impl Place {
    pub(crate) const START: Self = Self::Added(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_behaves_like_members_that_were_added() {
        let mut members = Members::crowd(10);
        let id = "member_00000003";
        assert!(members.contains(id) && !members.contains("member_3") && !members.contains("member_00000010"));
        members.remove(id);
        assert!(!members.contains(id));
        assert_eq!(members.count(), 9);
        members.insert("zoe".to_owned());
        members.insert(id.to_owned());
        assert_eq!(members.count(), 11);
        assert_eq!(members.list().map(Cow::into_owned).collect::<BTreeSet<_>>().len(), 11);
    }

    #[test]
    fn a_walk_in_pieces_gives_the_list() {
        let mut members = Members::crowd(7);
        ["a", "b", "c"].into_iter().for_each(|id| members.insert(id.to_owned()));
        members.remove("member_00000002");
        let list: Vec<String> = members.list().map(Cow::into_owned).collect();
        assert_eq!(list.len(), 9);
        for piece in 1..11 {
            let (mut place, mut walked, mut more) = (Place::START, Vec::new(), true);
            while more {
                let mut left = piece;
                more = members.walk(&mut place, |id| {
                    walked.push(id.to_owned());
                    left -= 1;
                    left > 0
                });
            }
            assert_eq!(walked, list, "{piece} at a time");
        }
    }
}

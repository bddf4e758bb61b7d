//! Whether a mirror may remove what has left its source. Decided once a run, before the first removal.
//!
//! Pure. An empty result of a broken query looks like "everybody has left"; so removals that are many, or that rest on a
//! source that can't be trusted, are withheld and told, and a person lets them through.

use std::fmt;

use crate::sync_file::{MaxRemovals, Period};

/// What is known when the source has ended and all its rows are settled.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Rows that the source had.
    pub rows_read: u64,
    /// Rows that could not be mapped and whose key is not known either.
    pub unnamed_rows: u64,
    /// How the keys are made differently than when they were delivered, where they are.
    pub identity_change: Option<&'a str>,
    /// Keys that were known before the run.
    pub known: u64,
    /// Those of them that the source does not have any more.
    pub leaving: u64,
    /// Members that earlier runs removed within `max.per`.
    pub recently: u64,
    /// What the sync file allows.
    pub max: MaxRemovals,
    /// Whether a person lets the removals through.
    pub allowed: bool,
}

/// What to do about the keys that have left.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// None has.
    Nothing,
    /// Remove them.
    Remove,
    /// Leave them, and say why.
    Withhold(Reason),
}

/// Why removals are withheld.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Any key could be that of a row that could not be read. No flag overrides this.
    UnnamedRows(u64),
    /// The source had no rows.
    EmptySource,
    /// The keys are not made as they were, so that none of the old ones would be found.
    OtherKeys(String),
    /// More than the sync file allows.
    TooMany {
        /// Keys that have left.
        leaving: u64,
        /// Keys that were known.
        known: u64,
        /// What is allowed.
        max: MaxRemovals,
    },
    /// With those of earlier runs, more than the sync file allows in its period.
    TooManyInPeriod {
        /// Keys that have left.
        leaving: u64,
        /// Keys that earlier runs removed in the period.
        recently: u64,
        /// Keys that were known, with those.
        known: u64,
        /// What is allowed.
        max: MaxRemovals,
        /// In which time.
        per: Period,
    },
}

/// Judges the removals of a run.
pub fn decide(situation: &Situation<'_>) -> Decision {
    let Situation { leaving, known, max, .. } = *situation;
    if leaving == 0 {
        return Decision::Nothing;
    }
    if situation.unnamed_rows > 0 {
        return Decision::Withhold(Reason::UnnamedRows(situation.unnamed_rows));
    }
    if situation.allowed {
        return Decision::Remove;
    }
    if let Some(change) = situation.identity_change {
        return Decision::Withhold(Reason::OtherKeys(change.to_owned()));
    }
    if situation.rows_read == 0 {
        return Decision::Withhold(Reason::EmptySource);
    }
    let threshold = max.threshold();
    if threshold.exceeded_by(leaving, known) {
        return Decision::Withhold(Reason::TooMany { leaving, known, max });
    }
    if let Some(per) = max.per {
        // The share is that of the members before the first of these removals.
        let (recently, known) = (situation.recently, known + situation.recently);
        if threshold.exceeded_by(leaving + recently, known) {
            return Decision::Withhold(Reason::TooManyInPeriod { leaving, recently, known, max, per });
        }
    }
    Decision::Remove
}

impl Reason {
    /// Its name, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnnamedRows(_) => "unnamed-rows",
            Self::EmptySource => "empty-source",
            Self::OtherKeys(_) => "other-keys",
            Self::TooMany { .. } => "too-many-removals",
            Self::TooManyInPeriod { .. } => "too-many-removals-in-period",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnnamedRows(_) => {
                "fix the rejected rows and run again: a row that can't be read is never taken for one that left"
            }
            Self::EmptySource => "check the source; if it is meant to be empty, run again with --allow-removals",
            Self::OtherKeys(_) => {
                "if the keys are meant to change, run again with --allow-removals: it removes the members under their old keys"
            }
            Self::TooMany { .. } => {
                "check the source; if so many are meant to leave, run again with --allow-removals or raise state.max_removals"
            }
            Self::TooManyInPeriod { .. } => {
                "check the source; if so many are meant to leave, run again with --allow-removals, or raise or shorten \
                 state.max_removals"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnnamedRows(1) => f.write_str("a row could not be mapped, and it is not known whose it is"),
            Self::UnnamedRows(rows) => write!(f, "{rows} rows could not be mapped, and it is not known whose they are"),
            Self::EmptySource => f.write_str("the source is empty"),
            Self::OtherKeys(change) => write!(f, "the keys are made in another way than those delivered: {change}"),
            Self::TooMany { leaving, known, max } => write!(
                f,
                "{leaving} of {known} known members would be removed; state.max_removals allows {} or a share of {}, \
                 whichever is more",
                max.count, max.ratio
            ),
            Self::TooManyInPeriod { leaving, recently, known, max, per } => write!(
                f,
                "{leaving} of {known} known members would be removed, and {recently} were in the last {per}; \
                 state.max_removals allows {} or a share of {} in {per}, whichever is more",
                max.count, max.ratio
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: Situation<'static> = Situation {
        rows_read: 1000,
        unnamed_rows: 0,
        identity_change: None,
        known: 1000,
        leaving: 1,
        recently: 0,
        max: MaxRemovals { count: 10, ratio: 0.1, per: None },
        allowed: false,
    };

    #[test]
    fn removals_are_withheld_when_they_exceed_both_numbers() {
        for (known, leaving, withheld) in
            [(1000, 100, false), (1000, 101, true), (20, 10, false), (20, 11, true), (5, 5, false), (11, 11, true)]
        {
            let verdict = decide(&Situation { known, leaving, ..USUAL });
            let expected = if withheld {
                Decision::Withhold(Reason::TooMany { leaving, known, max: USUAL.max })
            } else {
                Decision::Remove
            };
            assert_eq!(verdict, expected, "{leaving} of {known}");
        }
    }

    #[test]
    fn removals_of_a_period_count_together() {
        let per = Period::parse("7d");
        for (known, recently, leaving, withheld) in
            [(1000, 90, 10, false), (1000, 91, 19, true), (90, 10, 10, true), (5, 5, 5, false), (1000, 0, 101, true)]
        {
            let situation = Situation { known, recently, leaving, max: MaxRemovals { per, ..USUAL.max }, ..USUAL };
            assert_eq!(decide(&situation) != Decision::Remove, withheld, "{leaving} and {recently} of {known}");
            assert_eq!(decide(&Situation { allowed: true, ..situation }), Decision::Remove);
            let alone = Situation { max: USUAL.max, ..situation };
            assert_eq!(
                decide(&alone),
                decide(&Situation { recently: 0, ..alone }),
                "without a period a run stands alone"
            );
        }
    }

    #[test]
    fn a_source_that_cannot_be_trusted_removes_nobody() {
        let withheld = |situation| match decide(&situation) {
            Decision::Withhold(reason) => Some(reason),
            Decision::Nothing | Decision::Remove => None,
        };
        assert_eq!(withheld(Situation { rows_read: 0, ..USUAL }), Some(Reason::EmptySource));
        assert_eq!(withheld(Situation { unnamed_rows: 2, ..USUAL }), Some(Reason::UnnamedRows(2)));
        let changed = Situation { identity_change: Some("prefix"), ..USUAL };
        assert_eq!(withheld(changed), Some(Reason::OtherKeys("prefix".to_owned())));
        assert_eq!(withheld(Situation { allowed: true, ..changed }), None);
        assert_eq!(withheld(Situation { allowed: true, rows_read: 0, leaving: 1000, ..USUAL }), None);
        assert_eq!(withheld(Situation { allowed: true, unnamed_rows: 1, ..USUAL }), Some(Reason::UnnamedRows(1)));
    }

    #[test]
    fn zero_means_none_without_a_person() {
        let max = MaxRemovals { count: 0, ratio: 0.0, per: None };
        assert_eq!(
            decide(&Situation { max, ..USUAL }),
            Decision::Withhold(Reason::TooMany { leaving: 1, known: 1000, max })
        );
    }

    proptest! {
        #[test]
        fn nothing_leaves_where_nothing_has_left(rows_read: u64, unnamed_rows: u64, known: u64, allowed: bool) {
            let situation = Situation { rows_read, unnamed_rows, known, allowed, leaving: 0, ..USUAL };
            prop_assert_eq!(decide(&situation), Decision::Nothing);
        }

        /// With more members known, or fewer leaving, what was let through stays let through.
        #[test]
        fn the_limit_is_monotonous(known in 0u64..5000, leaving in 1u64..5000, more in 0u64..5000) {
            if decide(&Situation { known, leaving, ..USUAL }) == Decision::Remove {
                prop_assert_eq!(decide(&Situation { known: known + more, leaving, ..USUAL }), Decision::Remove);
                let fewer = leaving.saturating_sub(more).max(1);
                prop_assert_eq!(decide(&Situation { known, leaving: fewer, ..USUAL }), Decision::Remove);
            }
        }
    }
}

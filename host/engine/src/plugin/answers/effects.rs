//! What a delivery caused.

use std::collections::HashSet;

use super::Report;
use crate::bindings::{EffectCount, effects};

/// The result of a batch, and what the destination did on receiving it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The result of each record.
    pub report: Report,
    /// How often each effect came about; none stands twice.
    pub effects: Vec<EffectCount>,
}

impl Delivery {
    pub(crate) fn from_answer(answer: effects::Delivery, records: usize) -> Result<Self, String> {
        let mut seen = HashSet::new();
        for EffectCount { effect, count } in &answer.effects {
            if !seen.insert(effect.as_str()) {
                return Err(format!("the effect {effect:?} stands there twice"));
            }
            if *count == 0 {
                return Err(format!("the effect {effect:?} is counted 0 times"));
            }
        }
        let report = Report::from_answer(answer.report, records)?;
        Ok(Self { report, effects: answer.effects })
    }
}

//! What was seen at the destination.

use std::collections::HashSet;
use std::num::NonZeroU32;

use crate::arrow::records::Texts;
use crate::bindings::{self, Difference, Discovery};
use crate::http::rate_limiter::Route;

/// A limit on the rate of some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteLimit {
    /// Which requests.
    pub route: Route,
    /// How many in any second, over all instances.
    pub per_second: NonZeroU32,
}

impl RouteLimit {
    pub(crate) fn from_answer(answer: &bindings::RouteLimit) -> Result<Self, String> {
        let route = Route::new(&answer.method, &answer.path).map_err(|error| format!("a route's limit: {error}"))?;
        let per_second = NonZeroU32::new(answer.requests_per_second).ok_or_else(|| {
            format!("{} {} has a limit of 0 requests a second: it is at least 1", answer.method, answer.path)
        })?;
        Ok(Self { route, per_second })
    }
}

/// Keys that stand at the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyPage {
    /// Perhaps none.
    pub keys: Texts,
    /// What to ask for the next page with; none after the last.
    pub next: Option<String>,
    /// How many keys the destination counts at this moment, where it counts: on the first and the last page. A listing is
    /// complete only if both numbers are that of the keys it gave.
    pub total: Option<u64>,
}

impl KeyPage {
    pub(crate) fn from_answer(answer: bindings::inspection::KeyPage, cursor: Option<&str>) -> Result<Self, String> {
        let count = answer.keys.offsets.len().saturating_sub(1);
        let keys = Texts::from_answer(answer.keys, count).map_err(|error| format!("keys: {error}"))?;
        if answer.next.is_some() && answer.next.as_deref() == cursor {
            return Err("the next page has the cursor of this one: the listing would not end".to_owned());
        }
        Ok(Self { keys, next: answer.next, total: answer.total })
    }
}

pub(crate) fn discovery(answer: Discovery) -> Result<Discovery, String> {
    distinct("field", answer.fields.iter().map(|field| field.name.as_str()))?;
    distinct("target", answer.targets.iter().map(|target| target.id.as_str()))?;
    Ok(answer)
}

fn distinct<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if name.is_empty() {
            return Err(format!("a {what} without a name"));
        }
        if !seen.insert(name) {
            return Err(format!("the {what} {name:?} stands there twice"));
        }
    }
    Ok(())
}

pub(crate) fn differences(answer: Vec<Difference>, records: usize) -> Result<Vec<Difference>, String> {
    let index = |difference: &Difference| difference.record_index;
    if let Some(beyond) = answer.iter().map(index).find(|index| *index as usize >= records) {
        return Err(format!("a difference of record {beyond}, but there are only {records}"));
    }
    if !answer.is_sorted_by_key(index) {
        return Err("the differences are not in rising order of their records".to_owned());
    }
    if let Some(same) = answer.iter().find(|difference| difference.expected == difference.found) {
        return Err(format!("a difference of record {} in which nothing differs", same.record_index));
    }
    Ok(answer)
}

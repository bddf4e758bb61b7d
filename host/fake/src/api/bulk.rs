//! What a bulk call does to the deployment once its body is read: which items are applied, which one of two items
//! with the same key, and what is answered.

use std::collections::HashSet;
use std::hash::Hash;

use hyper::StatusCode;

use crate::api::error_body::Problem;
use crate::api::schema::{self, Items};
use crate::deployment::Deployment;
use crate::deployment::audiences::MembershipChange;

/// What happens to the good items of a batch that has a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batches {
    /// Nothing is applied.
    Atomic,
    /// The good ones are applied, and the answer is an error all the same.
    NonAtomic,
}

/// How a bulk call ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Items that were applied.
    pub(crate) applied: u32,
    /// Good items that a later one of the same call replaced.
    pub(crate) superseded: u32,
    /// IDs of the profiles that were applied, in order; only filled for profiles.
    pub(crate) updated: Vec<String>,
    /// Empty where the call succeeded.
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn profiles(deployment: &mut Deployment, body: &[u8], batches: Batches) -> Outcome {
    match schema::profiles(body, &deployment.definitions) {
        Err(problems) => Outcome { problems, ..Outcome::default() },
        Ok(items) => {
            let (chosen, mut outcome) = choose(items, batches, |update| update.id.clone());
            for update in chosen {
                outcome.updated.push(update.id.clone());
                deployment.profiles.upsert(update);
            }
            outcome
        }
    }
}

pub(crate) fn memberships(deployment: &mut Deployment, body: &[u8], batches: Batches) -> Outcome {
    match schema::memberships(body) {
        Err(problems) => Outcome { problems, ..Outcome::default() },
        Ok(items) => {
            let items = refuse_unknown_audiences(items, deployment);
            let (chosen, outcome) = choose(items, batches, |change| (change.audience, change.id.clone()));
            for change in chosen {
                deployment.change_membership(change);
            }
            outcome
        }
    }
}

fn refuse_unknown_audiences(items: Items<MembershipChange>, deployment: &Deployment) -> Items<MembershipChange> {
    let judge = |(index, item): (usize, Result<MembershipChange, _>)| match item {
        Ok(change) if deployment.audiences.get(change.audience).is_none() => {
            let details = format!("there is no audience with ID {}", change.audience);
            let problem = Problem::body("Not found", format!("/data/{index}/audienceId"), details);
            Err(vec![problem.with_status(StatusCode::NOT_FOUND)])
        }
        item => item,
    };
    items.into_iter().enumerate().map(judge).collect()
}

/// The items to apply: none of a refused atomic batch, the good ones otherwise, and of those with one key the last.
///
/// A 400 goes before a 404: a body that is wrong is wrong whatever exists.
fn choose<T, K: Hash + Eq>(items: Items<T>, batches: Batches, key: impl Fn(&T) -> K) -> (Vec<T>, Outcome) {
    let mut good = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(found) => problems.extend(found),
        }
    }
    problems.sort_by_key(|problem: &Problem| problem.status != StatusCode::BAD_REQUEST);
    if !problems.is_empty() && batches == Batches::Atomic {
        return (Vec::new(), Outcome { problems, ..Outcome::default() });
    }
    let sent = good.len();
    let mut seen = HashSet::with_capacity(sent);
    let mut chosen: Vec<T> = good.into_iter().rev().filter(|item| seen.insert(key(item))).collect();
    chosen.reverse();
    let outcome = Outcome {
        applied: count(chosen.len()),
        superseded: count(sent - chosen.len()),
        problems,
        ..Outcome::default()
    };
    (chosen, outcome)
}

/// A call has at most a thousand items, so this never saturates.
fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

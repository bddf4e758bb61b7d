//! Several syncs in one process: what all runs to one deployment share, and which of them waits for which.
//!
//! One limiter for each deployment, so that their sum stays under the rate. Syncs run side by side, each after those
//! that it needs ([`order`]); what needs a sync that failed is skipped. How each single one runs is the pipeline's.

pub mod last_run;
mod order;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;

use crate::fault::Fault;
use crate::pipeline::{self, Run};
use crate::report::exit::Exit;
use crate::report::run_id::RunId;
use crate::report::{Failure, Report, Verdict};
use crate::sync_file::{Destination, SyncFile};
use destination_engine::bindings::{ConfigKeys, Descriptor, Endpoint};
use destination_engine::http::client::HttpClient;
use destination_engine::http::rate_limiter::{Rate, RateLimiter};
use destination_engine::plugin::Plugin;

/// Runs at the same time. The rate is shared: more of them would not be faster, and each has rows in memory.
const MOST_AT_ONCE: usize = 4;

/// A sync of several.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its file.
    pub path: PathBuf,
    /// What the file says.
    pub sync: SyncFile,
}

/// Syncs that can run together.
#[derive(Debug)]
pub struct Syncs<'a> {
    plugin: &'a Plugin,
    members: Vec<Member>,
    /// For each member the places of those that it goes after.
    after: Vec<Vec<usize>>,
    limiters: Vec<Arc<RateLimiter>>,
}

/// The reports of several syncs: in the order of their files, or in which they ended.
#[derive(Debug)]
pub struct Reports {
    /// One for each.
    pub syncs: Vec<Report>,
    /// How long all took together.
    pub seconds: f64,
    /// The worst of theirs.
    exit_code: Exit,
}

/// How a sync of several ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'e> {
    /// Its report; of one that did not run, without a row.
    pub report: &'e Report,
    /// Why its run could not begin, where it could not.
    pub error: Option<&'e pipeline::Error>,
}

/// Where a member is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Ended { well: bool },
}

impl<'a> Syncs<'a> {
    /// Puts syncs together. Their files are valid.
    ///
    /// # Errors
    /// Faults between the files, each with the place of the member whose file has it: two of one name, an order that can't
    /// be kept.
    pub fn new(plugin: &'a Plugin, members: Vec<Member>) -> Result<Self, Vec<(usize, Fault)>> {
        let after = order::after(&members, plugin.descriptor())?;
        let limiters = limiters(&members, plugin.descriptor());
        Ok(Self { plugin, members, after, limiters })
    }

    /// The members, in the order of their files.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Leaves out the members that `wanted` does not want. No member waits for one that is left out.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Member) -> bool) {
        let kept: Vec<bool> = self.members.iter().map(&mut wanted).collect();
        let place = |old: usize| kept.iter().take(old).filter(|&&kept| kept).count();
        let is_kept = |old: usize| kept.get(old).copied().unwrap_or_default();
        let after = std::mem::take(&mut self.after).into_iter().enumerate().filter(|(old, _)| is_kept(*old));
        let after = after.map(|(_, needs)| needs.into_iter().filter(|&need| is_kept(need)).map(place).collect());
        let after = after.collect();
        self.after = after;
        let mut keep = kept.iter().copied();
        self.members.retain(|_| keep.next().unwrap_or_default());
        let mut keep = kept.iter().copied();
        self.limiters.retain(|_| keep.next().unwrap_or_default());
    }

    /// Runs them all. `run` readies the run of one, with the client that it goes through; `ended` is told of each as it ends.
    pub async fn deliver<'r>(
        &'r self,
        clients: &'r [HttpClient],
        mut ready: impl FnMut(&Member, Run<'r>) -> Run<'r>,
        mut ended: impl FnMut(&Member, Ended<'_>),
    ) -> Reports {
        let started = Instant::now();
        let mut stages = vec![Stage::Waiting; self.members.len()];
        let mut reports: Vec<Option<Report>> = self.members.iter().map(|_| None).collect();
        let mut running = FuturesUnordered::new();
        loop {
            while let Some(next) = self.next(&stages, running.len()) {
                let (Some(member), Some(stage)) = (self.members.get(next.place), stages.get_mut(next.place)) else {
                    break;
                };
                if let Some(failed) = next.skipped_for.and_then(|place| self.members.get(place)) {
                    *stage = Stage::Ended { well: false };
                    let report = without_rows(&member.sync, Failure::skipped(&failed.sync.name));
                    ended(member, Ended { report: &report, error: None });
                    if let Some(slot) = reports.get_mut(next.place) {
                        *slot = Some(report);
                    }
                    continue;
                }
                let (Some(client), Some(limiter)) = (clients.get(next.place), self.limiters.get(next.place)) else {
                    break;
                };
                *stage = Stage::Running;
                let run = Run::of(self.plugin, client, &member.sync).rate_limiter(Arc::clone(limiter));
                let run = ready(member, run);
                running.push(async move { (next.place, run.deliver().await) });
            }
            let Some((place, result)) = running.next().await else { break };
            let Some(member) = self.members.get(place) else { break };
            let report = match &result {
                Ok(report) => Cow::Borrowed(report),
                Err(error) => Cow::Owned(not_begun(&member.sync, error)),
            };
            ended(member, Ended { report: &report, error: result.as_ref().err() });
            if let Some(stage) = stages.get_mut(place) {
                *stage = Stage::Ended { well: !matches!(report.verdict(), Verdict::Failed(_)) };
            }
            if let Some(slot) = reports.get_mut(place) {
                *slot = Some(report.into_owned());
            }
        }
        Reports::new(reports.into_iter().flatten().collect(), started.elapsed().as_secs_f64())
    }

    /// What can begin, or be skipped, now.
    fn next(&self, stages: &[Stage], running: usize) -> Option<Next> {
        let stage = |place: usize| stages.get(place).copied().unwrap_or(Stage::Waiting);
        self.after.iter().enumerate().filter(|(place, _)| stage(*place) == Stage::Waiting).find_map(|(place, needs)| {
            let failed = needs.iter().copied().find(|&need| stage(need) == Stage::Ended { well: false });
            if failed.is_some() {
                return Some(Next { place, skipped_for: failed });
            }
            let ready = needs.iter().all(|&need| stage(need) == Stage::Ended { well: true });
            // One state file has one run at a time.
            let state_is_free = !stages.iter().zip(&self.members).any(|(stage, other)| {
                let here = self.members.get(place);
                *stage == Stage::Running && here.is_some_and(|here| here.sync.state.is_shared_with(&other.sync.state))
            });
            (ready && state_is_free && running < MOST_AT_ONCE).then_some(Next { place, skipped_for: None })
        })
    }
}

/// The report of a run that could not begin.
pub fn not_begun(sync: &SyncFile, error: &pipeline::Error) -> Report {
    without_rows(sync, Failure::not_begun(error))
}

fn without_rows(sync: &SyncFile, failure: Failure) -> Report {
    let mut report = Report::without_rows(RunId::new(SystemTime::now()), sync.name.to_string(), failure);
    report.redact(&sync.secrets);
    report
}

/// A member that is next.
struct Next {
    place: usize,
    /// The member that failed, where this one needed it.
    skipped_for: Option<usize>,
}

impl Reports {
    /// The reports of runs that took so long together.
    pub fn new(syncs: Vec<Report>, seconds: f64) -> Self {
        let exit_code = syncs.iter().map(|report| report.verdict().exit()).max_by_key(|exit| exit.gravity());
        Self { syncs, seconds, exit_code: exit_code.unwrap_or(Exit::Success) }
    }

    /// The worst exit of them.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit_code
    }

    /// As JSON, for a file.
    ///
    /// # Errors
    /// None that input can reach: all that they hold can stand in JSON.
    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Whole<S> {
            syncs: Vec<S>,
            seconds: f64,
            exit_code: Exit,
        }
        let syncs = self.syncs.iter().map(Report::with_exit).collect();
        let whole = Whole { syncs, seconds: self.seconds, exit_code: self.exit_code };
        let mut json = serde_json::to_vec_pretty(&whole)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// One limiter for each deployment, whatever the keys: the rate is the deployment's, and a sync may have more keys than another. Where
/// the limits of its members differ, the lowest hold.
fn limiters(members: &[Member], descriptor: &Descriptor) -> Vec<Arc<RateLimiter>> {
    let keys = &descriptor.config_keys;
    let mut deployments: Vec<(Vec<Option<String>>, Rate)> = Vec::new();
    for member in members {
        let deployment = servers(keys, &member.sync.destination);
        let rate = pipeline::rate(&member.sync.limits, descriptor);
        match deployments.iter_mut().find(|(known, _)| *known == deployment) {
            Some((_, known)) => *known = lower(*known, rate),
            None => deployments.push((deployment, rate)),
        }
    }
    let limiters: Vec<_> = deployments.into_iter().map(|(servers, rate)| (servers, RateLimiter::new(rate))).collect();
    let of = |member: &Member| {
        let deployment = servers(keys, &member.sync.destination);
        let found = limiters.iter().find(|(known, _)| *known == deployment).map(|(_, limiter)| Arc::clone(limiter));
        found.unwrap_or_else(|| RateLimiter::new(pipeline::rate(&member.sync.limits, descriptor)))
    };
    members.iter().map(of).collect()
}

/// The servers that a sync's plugin calls.
fn servers(keys: &ConfigKeys, destination: &Destination) -> Vec<Option<String>> {
    let url = |endpoint: &Endpoint| match endpoint {
        Endpoint::ConfigKey(key) => destination.text(key),
        Endpoint::Origin(origin) => Some(origin.clone()),
    };
    keys.endpoints.iter().map(url).collect()
}

/// The lower of two limits, each by itself. No limit is the highest.
fn lower(one: Rate, other: Rate) -> Rate {
    let least = |one, other| [one, other].into_iter().flatten().min();
    let mut rate = Rate::default();
    rate.per_second = least(one.per_second, other.per_second);
    rate.per_minute = least(one.per_minute, other.per_minute);
    rate.records_per_minute = least(one.records_per_minute, other.records_per_minute);
    rate
}

//! The result of a run: every row accounted for, and the JSON that says so.
//!
//! `rows_read = unchanged + delivered + rejected + undelivered`, always. Removals are records of their own: they are no
//! rows of the source and are counted beside it.

pub mod dead_letter;
pub mod effects;
pub mod exit;
pub(crate) mod html_report;
pub mod metrics;
pub mod observer;
pub mod outcomes;
pub mod output;
mod rejections;
pub mod run_id;
pub(crate) mod timeline;

use serde::{Serialize, Serializer};

use crate::report::effects::Effects;
use crate::report::exit::Exit;
use crate::report::rejections::MOST_CODES;
pub use crate::report::rejections::{RejectionTally, Rejections};
use crate::report::run_id::RunId;
use destination_engine::redaction::Redaction;

/// Members of a code that are named whose removal was refused.
const MOST_REFUSED_NAMED: usize = 100;

/// The outcome of the rows so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows that came out of the source.
    pub rows_read: u64,
    /// Rows that need not be sent.
    pub unchanged: u64,
    /// Rows that the destination confirmed.
    pub delivered: u64,
    /// Delivered rows that a later row of the same key and batch replaced. They are among the delivered.
    pub superseded: u64,
    /// Rows whose key begins or ends with a blank. It is sent to the letter, and most likely not what was meant.
    pub padded_keys: u64,
    /// Rows that can't be mapped, or that the destination refused.
    pub rejected: u64,
    /// Rows that were not confirmed. The destination may or may not have them.
    pub undelivered: u64,
    /// Delivered rows whose key was not known to be there. Counted where the sync keeps state.
    pub added: u64,
    /// Delivered rows whose key was there with other values. Counted where the sync keeps state.
    pub changed: u64,
    /// Members that were removed because their row has left the source.
    pub removed: u64,
    /// Members that would have been removed and were not.
    pub withheld_removals: u64,
    /// Removals that the destination refused or did not confirm.
    pub failed_removals: u64,
    /// Members that have left this source and stay, because another sync of the same target holds them.
    pub left_to_others: u64,
    /// Rows that a dry run would have sent; then `added`, `changed` and `removed` say what they would have been.
    pub planned: u64,
}

/// What stopped a run, for machines. In JSON it is its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The plugin or the destination can't work with the config.
    Configuration,
    /// A row that fails a call of its own.
    Row,
    /// The key was refused.
    Authentication,
    /// What the config names is not there.
    NotFound,
    /// The destination refuses.
    Refused,
    /// No connection, or one that broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// The rate limit was exceeded for longer than retries last.
    RateLimited,
    /// The destination failed.
    Server,
    /// A fault of the plugin's or the engine's.
    Internal,
    /// The rows can't be read.
    Source,
    /// The state can't be read or written.
    State,
    /// The plugin crashed, ran into a limit or contradicted itself.
    Plugin,
    /// The dead letters can't be written.
    DeadLetters,
    /// A report can't be written.
    Output,
    /// Someone asked for a stop.
    Interrupted,
    /// More rows were rejected than `limits.max_rejected` allows.
    TooManyRejected,
    /// A sync that this one goes after failed.
    Skipped,
}

impl Serialize for FailureKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl FailureKind {
    /// Its name, as in JSON.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Row => "row",
            Self::Authentication => "authentication",
            Self::NotFound => "not-found",
            Self::Refused => "refused",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate-limited",
            Self::Server => "server",
            Self::Internal => "internal",
            Self::Source => "source",
            Self::State => "state",
            Self::Plugin => "plugin",
            Self::DeadLetters => "dead-letters",
            Self::Output => "output",
            Self::Interrupted => "interrupted",
            Self::TooManyRejected => "too-many-rejected",
            Self::Skipped => "skipped",
        }
    }

    /// What the command exits with.
    fn exit(self) -> Exit {
        match self {
            Self::Configuration => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

/// Removals that the destination refused, of one code. Their members stay known, and each run tries again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedRemovals {
    /// The code.
    pub code: String,
    /// How many removals have it.
    pub removals: u64,
    /// What was said of the first.
    pub message: String,
    /// The first of the keys.
    pub first_keys: Vec<String>,
}

/// What stopped a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// For machines.
    pub kind: FailureKind,
    /// For a person.
    pub message: String,
    /// What the network said, where it was the network.
    pub cause: Option<String>,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// How a run went, in one value: what exit code, summary and page say is drawn from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something stopped it.
    Failed(FailureKind),
    /// It was a dry run: nothing was sent. What it found may still call for an exit code.
    DryRun(Exit),
    /// Removals were withheld; rows may have been rejected too.
    Withheld,
    /// Rows, or removals, were rejected.
    Rejected,
    /// Nothing had to be sent.
    NothingToDo,
    /// All was delivered.
    Delivered,
}

impl Verdict {
    fn of(counts: &Counts, dry_run: bool, failure: Option<&Failure>) -> Self {
        let ended = if counts.withheld_removals > 0 {
            Self::Withheld
        } else if counts.rejected + counts.failed_removals > 0 {
            Self::Rejected
        } else if counts.delivered + counts.removed == 0 {
            Self::NothingToDo
        } else {
            Self::Delivered
        };
        match failure {
            Some(failure) => Self::Failed(failure.kind),
            None if dry_run => Self::DryRun(ended.exit()),
            None => ended,
        }
    }

    /// What the command exits with.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::Failed(kind) => kind.exit(),
            Self::DryRun(exit) => exit,
            Self::Withheld => Exit::Withheld,
            Self::Rejected => Exit::Rejected,
            Self::NothingToDo | Self::Delivered => Exit::Success,
        }
    }
}

/// Why removals were withheld, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    /// The first of the keys, in their order.
    pub first_keys: Vec<String>,
}

/// What a dry run would have cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Requests, if none is repeated or refused.
    pub requests: u64,
    /// How long they take at the configured rate, if the destination answers fast enough to reach it; `null` without a rate.
    pub seconds: Option<f64>,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The run's name.
    pub run_id: RunId,
    /// The sync's name.
    pub sync: String,
    /// The kind of object that was sent, as the config says it.
    pub object_type: Option<String>,
    /// How the rows were applied.
    pub sync_mode: Option<&'static str>,
    /// Nothing was sent and nothing written: the numbers say what a run would do.
    pub dry_run: bool,
    /// What a run would cost; `null` where this was one.
    pub estimate: Option<Estimate>,
    /// The outcome of the rows.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why removals were withheld.
    pub withheld: Option<Withheld>,
    /// Rejections by code, the most frequent first.
    pub rejections: Vec<Rejections>,
    /// Refused removals by code.
    pub refused_removals: Vec<RefusedRemovals>,
    /// HTTP requests, repeated ones among them.
    pub requests: u64,
    /// Requests that were made again after a failure that was worth it.
    pub retries: u64,
    /// Bytes of all request bodies.
    pub bytes_sent: u64,
    /// What the destination did besides storing the records, by its own words for it.
    pub effects: Effects,
    /// How long the run took.
    pub seconds: f64,
    /// What stopped the run; `null` where it came to its end.
    pub failure: Option<Failure>,
}

impl RefusedRemovals {
    /// Counts one among those of its code.
    pub(crate) fn add(all: &mut Vec<Self>, code: &str, message: &str, key: &str) {
        if !all.iter().any(|known| known.code == code) && all.len() < MOST_CODES {
            let (code, message) = (code.to_owned(), message.to_owned());
            all.push(Self { code, removals: 0, message, first_keys: Vec::new() });
        }
        let Some(of_code) = all.iter_mut().find(|known| known.code == code) else { return };
        of_code.removals += 1;
        if of_code.first_keys.len() < MOST_REFUSED_NAMED {
            of_code.first_keys.push(key.to_owned());
        }
    }
}

impl Report {
    /// Of a run that did not get as far as its rows.
    #[must_use]
    pub(crate) fn without_rows(run_id: RunId, sync: String, failure: Failure) -> Self {
        Self {
            run_id,
            sync,
            object_type: None,
            sync_mode: None,
            dry_run: false,
            estimate: None,
            counts: Counts::default(),
            withheld: None,
            rejections: Vec::new(),
            refused_removals: Vec::new(),
            requests: 0,
            retries: 0,
            bytes_sent: 0,
            effects: Effects::default(),
            seconds: 0.0,
            failure: Some(failure),
        }
    }

    /// As JSON, for a file.
    ///
    /// # Errors
    /// None that input can reach: all that it holds can stand in JSON.
    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(&self.with_exit())?;
        json.push(b'\n');
        Ok(json)
    }

    /// With the exit code, as machines read it.
    pub(crate) fn with_exit(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct WithExit<'a> {
            #[serde(flatten)]
            report: &'a Report,
            exit_code: Exit,
        }
        WithExit { report: self, exit_code: self.verdict().exit() }
    }

    /// How the run went.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.counts, self.dry_run, self.failure.as_ref())
    }

    /// Whether nothing of its source is left to do: every row is settled and every removal is done.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let Counts { undelivered, withheld_removals, failed_removals, .. } = self.counts;
        self.failure.is_none() && !self.dry_run && undelivered + withheld_removals + failed_removals == 0
    }

    /// Takes secret values out of what stopped the run: a driver's own words may hold them.
    pub(crate) fn redact(&mut self, secrets: &Redaction) {
        let Some(failure) = &mut self.failure else { return };
        let texts = [Some(&mut failure.message), failure.cause.as_mut(), failure.hint.as_mut()];
        texts.into_iter().flatten().for_each(|text| secrets.apply(text));
    }

    /// Notes what failed once the rows were through. What failed before stays first.
    pub(crate) fn fail(&mut self, failure: Failure) {
        match &mut self.failure {
            Some(first) => first.message = format!("{}; then {}", first.message, failure.message),
            None => self.failure = Some(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure { kind, message: "x".to_owned(), cause: None, hint: None }
    }

    fn report() -> Report {
        Report {
            run_id: RunId::new(std::time::SystemTime::UNIX_EPOCH),
            sync: "a".to_owned(),
            object_type: Some("customer_profiles".to_owned()),
            sync_mode: Some("upsert"),
            dry_run: false,
            estimate: None,
            counts: Counts { rows_read: 3, delivered: 3, ..Counts::default() },
            withheld: None,
            rejections: Vec::new(),
            refused_removals: Vec::new(),
            requests: 1,
            retries: 0,
            bytes_sent: 10,
            effects: Effects::default(),
            seconds: 0.5,
            failure: Some(failure(FailureKind::Timeout)),
        }
    }

    #[test]
    fn a_failure_wins_over_withheld_removals_and_those_over_rejected_rows() {
        let exit = |counts: &Counts, failure: Option<&Failure>| Verdict::of(counts, false, failure).exit();
        let none = Counts::default();
        let rejected = Counts { rejected: 1, ..none };
        let both = Counts { withheld_removals: 1, ..rejected };
        assert_eq!(Verdict::of(&both, true, None), Verdict::DryRun(Exit::Withheld));
        assert_eq!(exit(&none, None), Exit::Success);
        assert_eq!(exit(&rejected, None), Exit::Rejected);
        assert_eq!(exit(&Counts { failed_removals: 1, ..none }, None), Exit::Rejected);
        assert_eq!(exit(&both, None), Exit::Withheld);
        assert_eq!(exit(&both, Some(&failure(FailureKind::Source))), Exit::Failed);
        assert_eq!(exit(&none, Some(&failure(FailureKind::Configuration))), Exit::Usage);
    }

    #[test]
    fn the_json_has_the_keys_that_the_documentation_names() {
        let json: serde_json::Value = serde_json::from_slice(&report().json().unwrap()).unwrap();
        for key in [
            "run_id",
            "sync",
            "object_type",
            "sync_mode",
            "rows_read",
            "unchanged",
            "delivered",
            "rejected",
            "undelivered",
            "added",
            "changed",
            "removed",
            "withheld_removals",
            "requests",
            "retries",
            "bytes_sent",
            "seconds",
            "failure",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["failure"]["kind"], "timeout");
        assert_eq!(json["failure"]["message"], "x");
        assert_eq!(json["exit_code"], 1);
    }

    #[test]
    fn what_failed_last_does_not_hide_what_failed_first() {
        let mut late = report();
        late.fail(failure(FailureKind::Output));
        assert_eq!(
            late.failure.map(|failure| (failure.kind, failure.message)),
            Some((FailureKind::Timeout, "x; then x".to_owned()))
        );
        let mut delivered = Report { failure: None, ..report() };
        delivered.fail(failure(FailureKind::Output));
        assert_eq!((delivered.verdict().exit(), delivered.failure), (Exit::Failed, Some(failure(FailureKind::Output))));
    }
}

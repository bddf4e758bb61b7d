//! The calls of `inspection` and `provisioning` that may ask the server, as one: so that the rules about all of them are written once.

use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::{MissingObject, ProblemKind};
use destination_engine::plugin::OptionalInterface;
use destination_engine::plugin::answers::KeyPage;
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::session::{Inspection, Session};
use serde_json::{Map, Value};

use super::ConformError;
use super::recorder::Reply;
use super::rules::{ASKED_ALIKE, DIFFERENCES, DISCOVERED_ONCE, LISTING_ENDS, MISSING, RESOLVED, Rule};
use super::scenario::{Played, play};
use super::subject::Subject;

/// Pages after which a listing counts as one without end: every server here has at most a few keys.
const MOST_PAGES: usize = 100;

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Discover,
    CompareFields,
    ListKeys,
    CompareRecords,
    Plan,
    Create,
    Resolve,
}

impl Call {
    /// Those of the interfaces that the plugin exports.
    pub(super) fn of(subject: &Subject) -> Vec<Self> {
        let mut calls = Vec::new();
        if subject.plugin.has(OptionalInterface::Inspection) {
            calls.extend([Self::Discover, Self::CompareFields, Self::ListKeys, Self::CompareRecords]);
        }
        if subject.plugin.has(OptionalInterface::Provisioning) {
            calls.extend([Self::Plan, Self::Create, Self::Resolve]);
        }
        calls
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::CompareFields => "compare-fields",
            Self::ListKeys => "list-keys",
            Self::CompareRecords => "compare-records",
            Self::Plan => "plan",
            Self::Create => "create",
            Self::Resolve => "resolve",
        }
    }

    /// It changes nothing.
    pub(super) fn only_looks(self) -> bool {
        !matches!(self, Self::Create | Self::Resolve)
    }

    /// Whose rule it is that an answer of this call contradicts itself.
    pub(super) fn form(self) -> Rule {
        match self {
            Self::Discover => DISCOVERED_ONCE,
            Self::ListKeys => LISTING_ENDS,
            Self::CompareRecords => DIFFERENCES,
            Self::Plan => MISSING,
            Self::Resolve => RESOLVED,
            // The engine finds no fault with what these answer.
            Self::CompareFields | Self::Create => ASKED_ALIKE,
        }
    }
}

/// What the calls are made with.
pub(super) struct Questions<'a> {
    pub(super) subject: &'a Subject,
    pub(super) batch: &'a MappedBatch,
    /// What `plan` said is missing.
    pub(super) missing: Vec<MissingObject>,
}

/// An answer as far as it can be compared and searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told(pub(super) String);

impl Questions<'_> {
    /// The call, made of a server with this answer; a listing to its end.
    pub(super) async fn ask(&self, call: Call, reply: Reply) -> Result<Played<Told>, ConformError> {
        self.ask_with(&self.subject.config, call, reply).await
    }

    pub(super) async fn ask_with(
        &self,
        config: &Map<String, Value>,
        call: Call,
        reply: Reply,
    ) -> Result<Played<Told>, ConformError> {
        play(self.subject, config, reply, async |session| self.put(&session, call).await).await
    }

    /// The call, of any session.
    pub(super) async fn put(&self, session: &Session, call: Call) -> Result<Told, CallError> {
        // What is not exported is not asked: see `Call::of`.
        let (inspection, provisioning) = (session.inspection(), session.provisioning());
        let told = match (call, inspection, provisioning) {
            (Call::Discover, Some(it), _) => format!("{:?}", it.discover().await.answer?),
            (Call::CompareFields, Some(it), _) => {
                format!("{:?}", it.compare_fields(&self.subject.sample.borrowed()).await.answer?)
            }
            (Call::ListKeys, Some(it), _) => format!("{:?}", listing(&it).await?),
            (Call::CompareRecords, Some(it), _) => format!("{:?}", it.compare_records(self.batch).await.answer?),
            (Call::Plan, _, Some(it)) => format!("{:?}", it.plan(&self.subject.sample.borrowed()).await.answer?),
            (Call::Create, _, Some(it)) => format!("{:?}", it.create(&self.missing).await.answer?),
            (Call::Resolve, _, Some(it)) => it.resolve().await.answer?,
            _ => String::new(),
        };
        Ok(Told(told))
    }
}

/// All pages, or as many as no server here has.
pub(super) async fn listing(inspection: &Inspection) -> Result<Vec<KeyPage>, CallError> {
    let mut pages: Vec<KeyPage> = Vec::new();
    loop {
        let cursor = pages.last().and_then(|page| page.next.clone());
        if (cursor.is_none() && !pages.is_empty()) || pages.len() == MOST_PAGES {
            return Ok(pages);
        }
        pages.push(inspection.list_keys(cursor.as_deref()).await.answer?);
    }
}

impl<T> Played<T> {
    /// That it did not fail.
    pub(super) fn must_fail(&self) -> Option<String> {
        self.fault().or_else(|| matches!(self.answer, Some(Ok(_))).then(|| "it succeeds".to_owned()))
    }

    /// That it did not fail so, in a bounded number of requests.
    pub(super) fn must_fail_as(&self, most: usize, transient: bool, kinds: &[ProblemKind]) -> Option<String> {
        self.must_fail().or_else(|| {
            let failure = self.failed()?;
            let (is, due) = if transient { ("permanent", "transient") } else { ("transient", "permanent") };
            let kind = failure.problem().kind;
            match self.seen.len() {
                requests if requests > most => Some(format!("{requests} requests")),
                _ if failure.is_transient() != transient => {
                    Some(format!("the failure is {is}, not {due}: {}", failure.problem().message))
                }
                _ if !kinds.is_empty() && !kinds.contains(&kind) => {
                    Some(format!("its kind is {kind:?}, not one of {kinds:?}"))
                }
                _ => None,
            }
        })
    }
}

//! Whole runs without a sandbox: a scripted plugin in front of a destination that remembers, and a state file on disk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod acknowledged;
mod division;
mod fake;
mod mirror;
mod model;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use tempfile::TempDir;

use self::fake::{Fake, Turn};
use super::flow::batch::Size;
use super::flow::{Flow, FlowResult, Plan, Records, RunContext};
use super::run::{follow, map};
use super::*;
use crate::pipeline::job::Job;
use crate::report::dead_letter::DeadLetters;
use crate::report::observer::Unobserved;
use crate::report::{Counts, FailureKind};
use crate::source::{Chunk, Extent, Source};
use crate::state::remote::memory::Memory;
use crate::state::sqlite::State;
use crate::state::{Access, Entry, Facts, Resend, Standing};
use crate::sync_file::{MaxRejected, MaxRemovals, SyncName};
use destination_engine::bindings::SyncMode;
use destination_engine::http::rate_limiter::Rate;
use destination_engine::redaction::Redaction;
use destination_engine::stop::Stop;

/// Rows that come in chunks, and how they end.
struct Scripted {
    chunks: VecDeque<Result<Chunk, SourceError>>,
    columns: Vec<String>,
    extent: Extent,
}

impl Source for Scripted {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        self.chunks.pop_front().transpose()
    }

    fn extent(&self) -> Extent {
        self.extent
    }
}

/// Chunks of rows, each an id and a content.
fn rows(chunks: &[&[(&str, &str)]]) -> Scripted {
    let chunk = |rows: &&[(&str, &str)]| {
        let (ids, contents): (Vec<&str>, Vec<&str>) = rows.iter().copied().unzip();
        let columns: [(&str, ArrayRef); 2] =
            [("id", Arc::new(StringArray::from(ids))), ("v", Arc::new(StringArray::from(contents)))];
        Ok(RecordBatch::try_from_iter(columns).unwrap().into())
    };
    let columns = vec!["id".to_owned(), "v".to_owned()];
    Scripted { chunks: chunks.iter().map(chunk).collect(), columns, extent: Extent::All }
}

fn ids(ids: &[&str]) -> Scripted {
    rows(&[&ids.iter().map(|id| (*id, "")).collect::<Vec<_>>()])
}

/// A sync of its own, with its state file.
struct Bench {
    folder: TempDir,
    fake: Fake,
    plan: Plan,
    stop: Stop,
    observer: Arc<dyn Observer>,
    keeps_letters: bool,
    /// Where the state is kept, if not in a file.
    elsewhere: Option<Memory>,
}

impl Bench {
    fn new(mode: SyncMode) -> Self {
        let mirrors = mode == SyncMode::Mirror;
        let plan = Plan {
            size: Size { records: 2, bytes: 1000 },
            concurrency: 1,
            resend: if mirrors { Resend::Changed } else { Resend::All },
            stateful: mirrors,
            mirrors,
            removals: mirrors.then_some(MaxRemovals { count: 2, ratio: 0.5, per: None }),
            allow_removals: false,
            max_rejected: MaxRejected { count: None, ratio: 0.5 },
            dry_run: false,
            rate: Rate::default(),
            now: 0,
        };
        let folder = tempfile::tempdir().unwrap();
        let observer = Arc::new(Unobserved);
        Self {
            folder,
            fake: Fake::default(),
            plan,
            stop: Stop::default(),
            observer,
            keeps_letters: true,
            elsewhere: None,
        }
    }

    fn mirror() -> Self {
        Self::new(SyncMode::Mirror)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, source: Scripted) -> FlowResult {
        let access = if self.plan.dry_run { Access::Read } else { Access::Write };
        let ledger = if self.plan.stateful { self.ledger(access) } else { None };
        let job = Job {
            object_type: None,
            mode: None,
            key_field: None,
            batch_records: None,
            columns: None,
            target: Facts::new(),
            identity: Facts::new(),
        };
        let letters = self.keeps_letters.then(|| DeadLetters::create(&self.path("dead.ndjson")).unwrap());
        let watch = RunContext {
            started: std::time::Instant::now(),
            traffic: Arc::default(),
            meter: Arc::default(),
            observer: Arc::clone(&self.observer),
            secrets: Redaction::default(),
        };
        let file = OutcomeFile::new(&self.path("outcomes.ndjson")).unwrap();
        let outcomes = Outcomes::open(&RunId::new(SystemTime::now()), "test", Some(&file), None).unwrap();
        let records = Records { ledger, dead_letters: letters, outcomes };
        let flow = Flow::new(self.plan.clone(), self.fake.clone(), watch, records);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let outflow = runtime
            .block_on(async {
                let mapped = map(Box::new(source), self.fake.clone(), job)?;
                follow(flow, mapped, &self.stop).await
            })
            .unwrap();
        let Counts { rows_read, unchanged, delivered, rejected, undelivered, planned, .. } = outflow.counts;
        assert_eq!(rows_read, unchanged + delivered + rejected + undelivered + planned, "{:?}", outflow.counts);
        self.outcomes_are(&outflow.counts);
        outflow
    }

    /// Every row stands in exactly one line of the outcomes, and every removal; and the lines say what the counts say.
    fn outcomes_are(&self, counts: &Counts) {
        let text = std::fs::read_to_string(self.path("outcomes.ndjson")).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (rows, removals): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["row_number"].is_u64());
        let mut numbers: Vec<u64> = rows.iter().filter_map(|line| line["row_number"].as_u64()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=counts.rows_read).collect::<Vec<_>>());
        let number = |lines: &[&serde_json::Value], outcomes: &[&str]| {
            lines.iter().filter(|line| outcomes.contains(&line["outcome"].as_str().unwrap())).count() as u64
        };
        let removed = if self.plan.dry_run { "planned" } else { "delivered" };
        for (lines, outcomes, counted) in [
            (&rows, &["delivered"][..], counts.delivered),
            (&rows, &["unchanged"], counts.unchanged),
            (&rows, &["rejected"], counts.rejected),
            (&rows, &["undelivered"], counts.undelivered),
            (&rows, &["planned"], counts.planned),
            (&removals, &[removed], counts.removed),
            (&removals, &["withheld"], counts.withheld_removals),
            (&removals, &["rejected", "undelivered"], counts.failed_removals),
            (&removals, &["unchanged"], counts.left_to_others),
        ] {
            assert_eq!(number(lines, outcomes), counted, "{outcomes:?} in {text}");
        }
        let replaced = lines.iter().filter(|line| line["code"] == "replaced-by-later-row").count();
        assert_eq!(replaced as u64, counts.superseded);
    }

    /// Each key that the state knows of at the destination, and whether it is confirmed.
    fn state(&self) -> Vec<(String, bool)> {
        let confirmed = |standing| matches!(standing, Standing::Delivered(_));
        let there = self.known().into_iter().filter(|entry| entry.standing != Standing::Removed);
        there.map(|entry| (entry.key, confirmed(entry.standing))).collect()
    }

    /// The state, open for a run.
    fn ledger(&self, access: Access) -> Option<Box<dyn Ledger>> {
        let (name, facts) = (SyncName::new("test").unwrap(), Facts::new());
        if let Some(memory) = &self.elsewhere {
            return memory.open(&name, access).unwrap().map(|state| state.begin(&facts, &facts).unwrap());
        }
        let path = self.path("state.sqlite");
        let state = match access {
            Access::Write => Some(State::open_or_create(&path).unwrap()),
            Access::Read => State::open(&path, access).unwrap(),
        };
        state.map(|state| state.begin(&name, &facts, &facts).unwrap())
    }

    /// All that the state knows, page by page.
    fn known(&self) -> Vec<Entry> {
        let ledger = self.ledger(Access::Read).unwrap();
        let mut known: Vec<Entry> = Vec::new();
        loop {
            let last = known.last().map_or("", |entry| &entry.key);
            let page = ledger.known_after(last, 3).unwrap();
            if page.is_empty() {
                return known;
            }
            known.extend(page);
        }
    }

    fn dead_letters(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path("dead.ndjson")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn entries(entries: &[(&str, bool)]) -> Vec<(String, bool)> {
    entries.iter().map(|(key, confirmed)| ((*key).to_owned(), *confirmed)).collect()
}

fn kind(outflow: &FlowResult) -> Option<FailureKind> {
    outflow.failure.as_ref().map(|failure| failure.kind)
}

#[test]
fn every_row_is_delivered_in_batches() {
    let bench = Bench::new(SyncMode::Upsert);
    let outflow = bench.run(rows(&[&[("a", "1"), ("b", "1"), ("c", "1")], &[("d", "1"), ("e", "1")]]));
    assert_eq!(outflow.counts, Counts { rows_read: 5, delivered: 5, ..Counts::default() });
    assert_eq!(bench.fake.take_batches(), [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(kind(&outflow), None);
    assert_eq!(outflow.effects.iter().collect::<Vec<_>>(), [("welcome", 5)]);
}

#[test]
fn no_rows_are_no_request() {
    let bench = Bench::new(SyncMode::Upsert);
    assert_eq!(bench.run(rows(&[])).counts, Counts::default());
    assert!(bench.fake.take_batches().is_empty());
}

#[test]
fn removals_of_a_period_are_told_by_the_clock() {
    const DAY: i64 = 86_400;
    let mut bench = Bench::mirror();
    let per = crate::sync_file::Period::parse("1d");
    bench.plan.removals = Some(MaxRemovals { count: 2, ratio: 0.0, per });
    bench.run(ids(&["a", "b", "c", "d", "e", "f"]));
    for (now, left, removed) in [
        (1000, &["a", "b", "c", "d"][..], 2),
        (1000 + DAY - 1, &["a", "b", "c"], 0),
        (1000 + DAY, &["a", "b", "c"], 1),
        (1000 + DAY + 1, &["a"], 0),
        (1000 + 2 * DAY, &["a"], 2),
    ] {
        bench.plan.now = now;
        let outflow = bench.run(ids(left));
        assert_eq!(outflow.counts.removed, removed, "at {now}: {:?}", outflow.withheld);
        assert_eq!(outflow.withheld.is_some(), removed == 0, "at {now}");
    }
}

#[test]
fn a_failure_ends_the_run_and_the_next_one_goes_on() {
    let bench = Bench::mirror();
    bench.run(ids(&["gone"]));
    bench.fake.script(&[Turn::Accept, Turn::LoseAnswer]);
    let outflow = bench.run(ids(&["a", "b", "c", "d", "e", "f"]));
    assert_eq!(kind(&outflow), Some(FailureKind::Timeout));
    assert_eq!((outflow.counts.delivered, outflow.counts.undelivered, outflow.counts.removed), (2, 4, 0));
    // What was never about to be sent is not taken for something that may have arrived.
    let expected = entries(&[("a", true), ("b", true), ("c", false), ("d", false), ("gone", true)]);
    assert_eq!(bench.state(), expected);

    bench.fake.take_batches();
    let next = bench.run(ids(&["a", "b", "d", "e", "f"]));
    assert_eq!(bench.fake.take_batches(), [vec!["d", "e"], vec!["f"], vec!["c", "gone"]]);
    assert_eq!((next.counts.unchanged, next.counts.added, next.counts.removed), (2, 3, 2));
    assert_eq!(bench.fake.keys(), ["a", "b", "d", "e", "f"]);
}

#[test]
fn half_a_batch_is_recorded_as_half() {
    let bench = Bench::mirror();
    bench.fake.script(&[Turn::Half]);
    let outflow = bench.run(ids(&["a", "b"]));
    assert_eq!((outflow.counts.delivered, outflow.counts.undelivered), (1, 1));
    assert_eq!(bench.state(), entries(&[("a", true), ("b", false)]));
}

#[test]
fn a_removal_whose_answer_is_lost_is_made_again() {
    let bench = Bench::mirror();
    bench.run(ids(&["a", "b"]));
    bench.fake.script(&[Turn::LoseAnswer]);
    let lost = bench.run(ids(&["a"]));
    assert_eq!((lost.counts.removed, lost.counts.failed_removals, kind(&lost)), (0, 1, Some(FailureKind::Timeout)));
    // If its row comes back, it is added again: nobody knows that it was removed.
    assert_eq!(bench.run(ids(&["a", "b"])).counts.added, 1);
    assert_eq!(bench.fake.keys(), ["a", "b"]);
}

#[test]
fn the_last_row_of_a_key_wins_against_the_state_too() {
    let mut bench = Bench::mirror();
    bench.plan.size.records = 1;
    bench.plan.concurrency = 4;
    bench.run(rows(&[&[("k", "B")]]));
    // B is what was delivered: only because A is on its way must it be sent again.
    let outflow = bench.run(rows(&[&[("k", "A"), ("k", "B")]]));
    assert_eq!(outflow.counts.delivered, 2);
    assert_eq!(bench.fake.held().records["k"], "B");
    let again = bench.run(rows(&[&[("k", "A"), ("k", "B")], &[("k", "A")]]));
    assert_eq!((again.counts.delivered, bench.fake.held().records["k"].as_str()), (3, "A"));
    assert_eq!(bench.run(rows(&[&[("k", "A")]])).counts.unchanged, 1);
}

#[test]
fn a_dry_run_sends_nothing_and_writes_nothing() {
    let mut bench = Bench::mirror();
    bench.plan.dry_run = true;
    let outflow = bench.run(ids(&["a", "b"]));
    assert_eq!((outflow.counts.planned, outflow.counts.added), (2, 2));
    assert!(!bench.path("state.sqlite").exists());

    bench.plan.dry_run = false;
    bench.run(ids(&["a", "b", "c"]));
    bench.fake.take_batches();
    let before = std::fs::read(bench.path("state.sqlite")).unwrap();
    bench.plan.dry_run = true;
    let outflow = bench.run(rows(&[&[("a", ""), ("b", "other"), ("new", "")]]));
    let expected =
        Counts { rows_read: 3, unchanged: 1, planned: 2, added: 1, changed: 1, removed: 1, ..Counts::default() };
    assert_eq!(outflow.counts, expected);
    assert_eq!(bench.run(rows(&[])).counts.withheld_removals, 3);
    assert!(bench.fake.take_batches().is_empty());
    assert_eq!(std::fs::read(bench.path("state.sqlite")).unwrap(), before);
}

#[test]
fn a_stop_finishes_what_is_in_flight_and_leaves_the_rest() {
    let bench = Bench::mirror();
    bench.run(ids(&["gone"]));
    bench.fake.held().stop = Some(bench.stop.clone());
    let outflow = bench.run(ids(&["a", "b", "c", "d"]));
    assert_eq!(kind(&outflow), Some(FailureKind::Interrupted));
    assert_eq!((outflow.counts.delivered, outflow.counts.undelivered, outflow.counts.removed), (2, 2, 0));
    assert_eq!(bench.state(), entries(&[("a", true), ("b", true), ("gone", true)]));
}

#[test]
fn an_upsert_with_state_keeps_it_true() {
    let mut bench = Bench::new(SyncMode::Upsert);
    bench.plan.stateful = true;
    bench.run(rows(&[&[("a", "1"), ("b", "1")]]));
    bench.fake.script(&[Turn::Reject("b")]);
    let outflow = bench.run(rows(&[&[("a", "1"), ("b", "1")]]));
    assert_eq!((outflow.counts.delivered, outflow.counts.rejected, outflow.counts.unchanged), (1, 1, 0));
    assert_eq!(bench.state(), entries(&[("a", true), ("b", false)]));
    bench.plan.resend = Resend::Changed;
    assert_eq!(bench.run(rows(&[&[("a", "1"), ("b", "1")]])).counts.delivered, 1);
}

#[test]
fn dead_letters_that_cannot_be_written_stop_the_run() {
    // A full disk, as Linux plays it.
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let bench = Bench::new(SyncMode::Upsert);
    std::fs::remove_file(bench.path("dead.ndjson")).ok();
    std::os::unix::fs::symlink(full, bench.path("dead.ndjson")).unwrap();
    bench.fake.script(&[Turn::Reject("a")]);
    let outflow = bench.run(ids(&["a", "b", "c"]));
    assert_eq!(kind(&outflow), Some(FailureKind::DeadLetters));
    assert_eq!((outflow.counts.delivered, outflow.counts.rejected, outflow.counts.undelivered), (1, 1, 1));
}

#[test]
fn one_batch_goes_alone_until_something_is_acknowledged() {
    let mut bench = Bench::new(SyncMode::Upsert);
    bench.plan.concurrency = 4;
    bench.plan.max_rejected = MaxRejected { count: Some(3), ratio: 0.5 };
    bench.fake.script(&[Turn::Reject("")].repeat(9));
    let many: Vec<String> = (0..100).map(|n| format!("k{n}")).collect();
    let outflow = bench.run(ids(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(bench.fake.take_batches(), [vec!["k0", "k1"], vec!["k2", "k3"]]);
    assert_eq!(kind(&outflow), Some(FailureKind::TooManyRejected));
    assert_eq!((outflow.counts.rejected, outflow.counts.undelivered), (4, 96));
    let failure = outflow.failure.unwrap();
    assert_eq!(
        failure.message,
        "4 rows rejected, more than limits.max_rejected allows (3 and a share of 0.5); most often: refused (4 rows): it was refused"
    );
}

#[test]
fn rejected_rows_among_many_good_ones_stop_nothing() {
    let mut bench = Bench::new(SyncMode::Upsert);
    bench.plan.max_rejected = MaxRejected { count: Some(1), ratio: 0.5 };
    bench.fake.script(&[Turn::Accept, Turn::Reject(""), Turn::Accept, Turn::Reject("")]);
    let outflow = bench.run(ids(&["a", "b", "c", "d", "e", "f", "g", "h"]));
    assert_eq!((kind(&outflow), outflow.counts.rejected, outflow.counts.delivered), (None, 4, 4));
}

#[test]
fn rows_that_cannot_be_mapped_stop_a_run_by_their_share_of_what_was_read() {
    let mut bench = Bench::new(SyncMode::Upsert);
    bench.plan.max_rejected = MaxRejected { count: Some(2), ratio: 0.5 };
    // In one chunk with sound rows, which are not sent yet.
    let few = bench.run(ids(&["!", "!", "!", "a", "b", "c"]));
    assert_eq!((kind(&few), few.counts.rejected, few.counts.delivered), (None, 3, 3));
    let many = bench.run(rows(&[&[("!", ""), ("!", ""), ("!", ""), ("a", "")], &[("b", "")]]));
    assert_eq!(kind(&many), Some(FailureKind::TooManyRejected));
    assert_eq!((many.counts.rejected, many.counts.delivered, many.counts.undelivered), (3, 0, 1));
}

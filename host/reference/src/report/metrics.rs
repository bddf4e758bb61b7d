//! The numbers of runs for Prometheus: what [`ProgressSnapshot`] tells, under names that follow its conventions.
//!
//! They are read when they are asked for, not kept: a scrape between two batches sees the traffic of that moment. Labels
//! are few and fixed (the sync, its object type, its mode); no key, ID or URL is among them.

mod server;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

pub use self::server::{ServeError, serve};
use crate::report::Counts;
use crate::report::effects::Effects;
use crate::report::observer::{Observer, ProgressSnapshot};
use destination_engine::http::hooks::{Counts as TrafficCounts, Traffic};

/// What every name begins with.
const PREFIX: &str = "destination_host";

/// The numbers of all runs of a process, as one page.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Vec<RunMetrics>>>);

/// The numbers of one run.
#[derive(Debug, Clone)]
pub struct RunMetrics(Arc<Mutex<State>>);

/// A label's name and its value.
type Label = (&'static str, String);

#[derive(Debug, Default)]
struct State {
    labels: Vec<Label>,
    counts: Counts,
    effects: Effects,
    read: Option<f64>,
    retries: u64,
    elapsed: Duration,
    started: Duration,
    traffic: Option<Arc<Traffic>>,
}

impl Metrics {
    /// Numbers of a run that begins now, with labels that say which it is.
    pub fn run(&self, labels: Vec<Label>) -> Arc<RunMetrics> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = RunMetrics(Arc::new(Mutex::new(State { labels, started, ..State::default() })));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(run.clone());
        Arc::new(run)
    }

    /// As Prometheus reads them (OpenMetrics text).
    ///
    /// # Errors
    /// None that a run's numbers could cause.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshots = runs.iter().map(RunMetrics::snapshot).collect();
        drop(runs);
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Snapshots(snapshots)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl RunMetrics {
    fn snapshot(&self) -> Snapshot {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            labels: state.labels.clone(),
            counts: state.counts,
            effects: state.effects.clone(),
            read: state.read,
            retries: state.retries,
            elapsed: state.elapsed,
            started: state.started,
            traffic: state.traffic.as_ref().map(|traffic| traffic.counts()).unwrap_or_default(),
        }
    }
}

impl Observer for RunMetrics {
    fn progress(&self, moment: &ProgressSnapshot<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts = *moment.counts;
        if state.effects != *moment.effects {
            state.effects.clone_from(moment.effects);
        }
        state.read = moment.read;
        state.retries = moment.retries;
        state.elapsed = moment.elapsed;
        state.traffic.get_or_insert_with(|| Arc::clone(moment.traffic));
    }
}

/// The numbers of one run at one moment.
#[derive(Debug)]
struct Snapshot {
    labels: Vec<Label>,
    counts: Counts,
    effects: Effects,
    read: Option<f64>,
    retries: u64,
    elapsed: Duration,
    started: Duration,
    traffic: TrafficCounts,
}

/// Those of all runs: a metric has one name and one explanation, however many runs it is of.
#[derive(Debug)]
struct Snapshots(Vec<Snapshot>);

impl Collector for Snapshots {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut page = Page { encoder, runs: &self.0 };
        page.histogram("request_duration", "How long answers took, from departure to their end")?;
        page.count("rows_read", "Rows that came out of the source", |run| run.counts.rows_read)?;
        page.counts("rows", "Rows by outcome", "outcome", |Snapshot { counts, .. }| {
            vec![
                ("delivered".to_owned(), counts.delivered),
                ("unchanged".to_owned(), counts.unchanged),
                ("rejected".to_owned(), counts.rejected),
                ("undelivered".to_owned(), counts.undelivered),
            ]
        })?;
        page.count("removals", "Members removed because their row has left the source", |run| run.counts.removed)?;
        page.counts("effects", "What the destination did besides storing records", "effect", |run| {
            run.effects.iter().map(|(effect, times)| (effect.to_owned(), times)).collect()
        })?;
        page.count("requests", "Requests that left, repeated ones among them", |run| run.traffic.requests)?;
        page.count("request_retries", "Requests that were made again", |run| run.retries)?;
        page.counts("responses", "Answers by HTTP status", "status", |run| {
            run.traffic.statuses.iter().map(|(status, times)| (status.to_string(), *times)).collect()
        })?;
        page.counts("request_failures", "Requests without a whole answer, by what went wrong", "kind", |run| {
            run.traffic.faults.iter().map(|(kind, times)| (kind.name().to_owned(), *times)).collect()
        })?;
        page.total("sent", "Bytes of request bodies", &Unit::Bytes, |run| run.traffic.bytes_sent)?;
        page.total("received", "Bytes of answers", &Unit::Bytes, |run| run.traffic.bytes_received)?;
        let waited = "Time that requests waited for their turn, added up over all workers";
        page.total("request_wait", waited, &Unit::Seconds, |run| run.traffic.waited.as_secs_f64())?;
        page.gauge("requests_waiting", "Requests that wait for their turn", None, |run| Some(run.traffic.waiting))?;
        page.gauge("requests_in_flight", "Requests without a whole answer yet", None, |run| {
            Some(run.traffic.in_flight)
        })?;
        // Prometheus names the unit of a share in the singular, which the crate does not.
        let ratio = Unit::Other("ratio".to_owned());
        let read = "The part of the source that was read, from 0 to 1";
        if self.0.iter().any(|run| run.read.is_some()) {
            page.gauge("source_read", read, Some(&ratio), |run| run.read)?;
        }
        page.gauge("run_duration", "How long the run has been going on", Some(&Unit::Seconds), |run| {
            Some(run.elapsed.as_secs_f64())
        })?;
        page.gauge("run_start_timestamp", "When the run began, since 1970", Some(&Unit::Seconds), |run| {
            Some(run.started.as_secs_f64())
        })
    }
}

/// What is written of the runs, metric by metric.
struct Page<'e, 'r> {
    encoder: DescriptorEncoder<'e>,
    runs: &'r [Snapshot],
}

impl Page<'_, '_> {
    fn count(&mut self, name: &str, help: &str, value: impl Fn(&Snapshot) -> u64) -> Result<(), std::fmt::Error> {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        let mut runs = self.runs.iter();
        runs.try_for_each(|run| ConstCounter::new(value(run)).encode(family.encode_family(&run.labels)?))
    }

    fn total<V>(
        &mut self,
        name: &str,
        help: &str,
        unit: &Unit,
        value: impl Fn(&Snapshot) -> V,
    ) -> Result<(), std::fmt::Error>
    where
        ConstCounter<V>: EncodeMetric,
    {
        let mut family = self.encoder.encode_descriptor(name, help, Some(unit), MetricType::Counter)?;
        let mut runs = self.runs.iter();
        runs.try_for_each(|run| ConstCounter::new(value(run)).encode(family.encode_family(&run.labels)?))
    }

    /// A counter for each value of a label.
    fn counts(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl Fn(&Snapshot) -> Vec<(String, u64)>,
    ) -> Result<(), std::fmt::Error> {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for run in self.runs {
            for (of, value) in values(run) {
                let labels: Vec<Label> = run.labels.iter().cloned().chain([(label, of)]).collect();
                ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str) -> Result<(), std::fmt::Error> {
        let mut family = self.encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for run in self.runs {
            let durations = &run.traffic.durations;
            let buckets = durations
                .buckets()
                .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()), count))
                .collect::<Vec<_>>();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let mut metric = family.encode_family(&run.labels)?;
            metric.encode_histogram::<NoLabelSet>(durations.sum.as_secs_f64(), count, &buckets, None)?;
        }
        Ok(())
    }

    /// A number that not every run has.
    fn gauge<V>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl Fn(&Snapshot) -> Option<V>,
    ) -> Result<(), std::fmt::Error>
    where
        ConstGauge<V>: EncodeMetric,
    {
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        let mut runs = self.runs.iter().filter_map(|run| Some((run, value(run)?)));
        runs.try_for_each(|(run, value)| ConstGauge::new(value).encode(family.encode_family(&run.labels)?))
    }
}

//! A run's numbers for Prometheus: what [`ProgressSnapshot`] tells, under names that follow its conventions.
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
use crate::report::observer::{Observer, ProgressSnapshot};
use destination_engine::http::hooks::{Durations, Traffic};

/// What every name begins with.
const PREFIX: &str = "destination_host";

/// The numbers of one run.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    labels: Vec<(&'static str, String)>,
    counts: Counts,
    read: Option<f64>,
    retries: u64,
    elapsed: Duration,
    started: Duration,
    traffic: Option<Arc<Traffic>>,
}

impl Metrics {
    /// Numbers of a run that begins now, with labels that say which it is.
    pub fn new(labels: Vec<(&'static str, String)>) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Arc::new(Mutex::new(State { labels, started, ..State::default() })))
    }

    /// As Prometheus reads them (OpenMetrics text).
    ///
    /// # Errors
    /// None that a run's numbers could cause.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = state.labels.iter().map(|(name, value)| ((*name).into(), value.clone().into()));
        let mut registry = Registry::with_prefix_and_labels(PREFIX, labels);
        registry.register_collector(Box::new(Snapshot {
            counts: state.counts,
            read: state.read,
            retries: state.retries,
            elapsed: state.elapsed,
            started: state.started,
            traffic: state.traffic.as_ref().map(|traffic| traffic.counts()).unwrap_or_default(),
        }));
        drop(state);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Observer for Metrics {
    fn progress(&self, moment: &ProgressSnapshot<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts = *moment.counts;
        state.read = moment.read;
        state.retries = moment.retries;
        state.elapsed = moment.elapsed;
        state.traffic.get_or_insert_with(|| Arc::clone(moment.traffic));
    }
}

/// The numbers of one moment.
#[derive(Debug)]
struct Snapshot {
    counts: Counts,
    read: Option<f64>,
    retries: u64,
    elapsed: Duration,
    started: Duration,
    traffic: destination_engine::http::hooks::Counts,
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (counts, traffic) = (&self.counts, &self.traffic);
        let mut page = Page(encoder);
        page.histogram("request_duration", "How long answers took, from departure to their end", &traffic.durations)?;
        page.count("rows_read", "Rows that came out of the source", counts.rows_read)?;
        page.counts(
            "rows",
            "Rows by outcome",
            "outcome",
            [
                ("delivered".to_owned(), counts.delivered),
                ("unchanged".to_owned(), counts.unchanged),
                ("rejected".to_owned(), counts.rejected),
                ("undelivered".to_owned(), counts.undelivered),
            ],
        )?;
        page.count("removals", "Members removed because their row has left the source", counts.removed)?;
        page.count("requests", "Requests that left, repeated ones among them", traffic.requests)?;
        page.count("request_retries", "Requests that were made again", self.retries)?;
        let statuses = traffic.statuses.iter().map(|(status, times)| (status.to_string(), *times));
        page.counts("responses", "Answers by HTTP status", "status", statuses)?;
        let faults = traffic.faults.iter().map(|(kind, times)| (kind.name().to_owned(), *times));
        page.counts("request_failures", "Requests without a whole answer, by what went wrong", "kind", faults)?;
        page.total("sent", "Bytes of request bodies", &Unit::Bytes, traffic.bytes_sent)?;
        page.total("received", "Bytes of answers", &Unit::Bytes, traffic.bytes_received)?;
        let waited = "Time that requests waited for their turn, added up over all workers";
        page.total("request_wait", waited, &Unit::Seconds, traffic.waited.as_secs_f64())?;
        page.gauge("requests_waiting", "Requests that wait for their turn", None, traffic.waiting)?;
        page.gauge("requests_in_flight", "Requests without a whole answer yet", None, traffic.in_flight)?;
        if let Some(read) = self.read {
            // Prometheus names the unit of a share in the singular, which the crate does not.
            let ratio = Unit::Other("ratio".to_owned());
            page.gauge("source_read", "The part of the source that was read, from 0 to 1", Some(&ratio), read)?;
        }
        page.gauge(
            "run_duration",
            "How long the run has been going on",
            Some(&Unit::Seconds),
            self.elapsed.as_secs_f64(),
        )?;
        let started = self.started.as_secs_f64();
        page.gauge("run_start_timestamp", "When the run began, since 1970", Some(&Unit::Seconds), started)
    }
}

/// What is written of a snapshot, metric by metric.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn count(&mut self, name: &str, help: &str, value: u64) -> Result<(), std::fmt::Error> {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn total<V>(&mut self, name: &str, help: &str, unit: &Unit, value: V) -> Result<(), std::fmt::Error>
    where
        ConstCounter<V>: EncodeMetric,
    {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, Some(unit), MetricType::Counter)?)
    }

    /// A counter for each value of a label.
    fn counts(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<(), std::fmt::Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        values.into_iter().try_for_each(|(of, value)| {
            let labels = [(label, of)];
            ConstCounter::new(value).encode(family.encode_family(&labels)?)
        })
    }

    fn histogram(&mut self, name: &str, help: &str, durations: &Durations) -> Result<(), std::fmt::Error> {
        let buckets = durations
            .buckets()
            .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()), count))
            .collect::<Vec<_>>();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let unit = Some(&Unit::Seconds);
        let mut metric = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(durations.sum.as_secs_f64(), count, &buckets, None)
    }

    fn gauge<V>(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: V) -> Result<(), std::fmt::Error>
    where
        ConstGauge<V>: EncodeMetric,
    {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?)
    }
}

//! The report as a page for people: the outcome of the rows, how fast, and what to fix. One file, opened without a network:
//! no script, no font, no image from elsewhere.
//!
//! The page is a template (`html_report/page.html`); it escapes all that comes from outside. The chart's lines are made
//! here from the samples of a run. No row's values are on it, apart from what a rejection quotes.

mod chart;

use std::io;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use self::chart::Chart;
use crate::human_format;
use crate::report::timeline::Timeline;
use crate::report::{Counts, FailureKind, Report, Verdict};
use destination_engine::http::hooks;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.add_filter("count", human_format::count);
    templates
});

/// The page of a run.
pub(crate) fn page(report: &Report, timeline: &Timeline, traffic: &hooks::Counts) -> io::Result<String> {
    let counts = &report.counts;
    let statuses: Vec<_> = traffic.statuses.iter().map(|(status, times)| context! { status, times }).collect();
    let faults: Vec<_> = traffic.faults.iter().map(|(kind, times)| context! { kind => kind.name(), times }).collect();
    let most = report.rejections.iter().map(|rejections| rejections.rows).max().unwrap_or_default();
    let rejections: Vec<_> = report
        .rejections
        .iter()
        .map(|r| context! { code => r.code.as_str(), rows => r.rows, first => r.first_row, message => r.message.as_str(), part => part(r.rows, most) })
        .collect();
    TEMPLATES
        .render_str(
            include_str!("html_report/page.html"),
            context! {
                report => Value::from(Serde(report)),
                verdict => verdict(report),
                parts => parts(counts),
                seconds => format!("{:.1}", report.seconds),
                rate => human_format::count(human_format::rate(counts.rows_read, report.seconds)),
                waited => format!("{:.1}", traffic.waited.as_secs_f64()),
                statuses, faults, rejections,
                chart => Chart::of(timeline.samples()).map(|chart| Value::from(Serde(chart))),
            },
        )
        .map_err(|error| io::Error::other(error.to_string()))
}

/// The run in a few words, and the colour of it.
fn verdict(report: &Report) -> Value {
    let (tone, words) = match report.verdict() {
        Verdict::Failed(FailureKind::Interrupted) => ("bad", "Interrupted"),
        Verdict::Failed(_) => ("bad", "Failed"),
        Verdict::DryRun(_) => ("note", "Dry run: nothing was sent"),
        Verdict::Withheld => ("note", "Removals withheld"),
        Verdict::Rejected if report.counts.rejected == 0 => ("note", "Some removals were refused"),
        Verdict::Rejected => ("note", "Some rows were rejected"),
        Verdict::NothingToDo => ("good", "Nothing to do"),
        Verdict::Delivered => ("good", "All delivered"),
    };
    context! { tone, words }
}

/// The outcome of the rows: the parts of a bar, in hundredths of a percent.
fn parts(counts: &Counts) -> Vec<Value> {
    let all = [
        ("delivered", counts.delivered),
        ("planned", counts.planned),
        ("unchanged", counts.unchanged),
        ("rejected", counts.rejected),
        ("undelivered", counts.undelivered),
    ];
    let there = all.into_iter().filter(|(_, rows)| *rows > 0);
    there.map(|(name, rows)| context! { name, rows, part => part(rows, counts.rows_read) }).collect()
}

/// A share in percent with two digits, as CSS takes it.
fn part(rows: u64, of: u64) -> String {
    let hundredths = u128::from(rows) * 10_000 / u128::from(of.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

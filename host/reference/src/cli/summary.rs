//! The result of a run, to be understood at a glance: one line that says it, a table of numbers, and what to fix.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use destination_host::report::exit::Exit;
use destination_host::report::{FailureKind, Report, Verdict, Withheld};
use destination_host::syncs::Reports;

use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::{bytes, count, counted, duration, rate};

/// Codes of rejected rows that are shown.
const MOST_CODES: usize = 5;
/// Rows from which on a speed is shown.
const MIN_ROWS_FOR_SPEED: u64 = 1000;
/// Withheld keys that are shown.
const MOST_KEYS: usize = 5;

/// Prints the result on standard output, and what is wrong with it on standard error.
pub(crate) fn show(report: &Report, terminal: &Terminal, dead_letters: Option<&str>) {
    let (ink, verdict) = verdict(report);
    let what = [report.object_type.as_deref(), report.sync_mode].into_iter().flatten().collect::<Vec<_>>().join(", ");
    terminal.stdout(&format!(
        "{} {} ({what}): {}",
        paint(ink, mark(ink)),
        paint(Style::Strong, &report.sync),
        paint(ink, &verdict)
    ));
    terminal.stdout(&table(report));
    problems(report, terminal, &letters_hint(dead_letters));
}

/// Tells that one of several syncs has ended: a line, as it happens.
pub(crate) fn show_ended(report: &Report, terminal: &Terminal) {
    let (ink, verdict) = verdict(report);
    let name = paint(Style::Strong, &report.sync);
    let told = match &report.failure {
        Some(failure) if failure.kind == FailureKind::Skipped => failure.message.as_str(),
        _ => verdict.as_str(),
    };
    terminal.stderr(&format!("{} {name}: {}", paint(ink, mark(ink)), paint(ink, told)));
}

/// Tells the result of a run in a log: its line, its numbers, and what is wrong with it.
pub(crate) fn show_in_log(report: &Report, terminal: &Terminal, letters_hint: &str) {
    show_ended(report, terminal);
    table(report).lines().for_each(|line| terminal.stderr(line.trim_end()));
    problems(report, terminal, letters_hint);
}

/// Prints the results of several syncs: a table with a line for each, and what is wrong with each below it.
pub(crate) fn show_all(reports: &Reports, dead_letters: Option<&Path>, terminal: &Terminal) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let sent = if reports.syncs.iter().any(|report| report.dry_run) { "to be sent" } else { "delivered" };
    table.add_row(["sync", "result", "rows", sent, "rejected", "removed", "requests", "time"]);
    for report in &reports.syncs {
        let counts = &report.counts;
        let sent = if report.dry_run { counts.planned } else { counts.delivered };
        let numbers = [counts.rows_read, sent, counts.rejected, counts.removed, report.requests];
        let time = duration(report.seconds);
        let texts = [report.sync.clone(), verdict(report).1];
        table.add_row(texts.into_iter().chain(numbers.map(count)).chain([time]));
    }
    for column in 2..8 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().for_each(|line| terminal.stdout(line.trim_end()));
    let total: u64 = reports.syncs.iter().map(|report| report.requests).sum();
    let all = counted(reports.syncs.len() as u64, "sync");
    terminal.stdout(&format!("{all}, {}, {}", counted(total, "request"), duration(reports.seconds)));
    for report in &reports.syncs {
        let skipped = report.verdict() == Verdict::Failed(FailureKind::Skipped);
        if !skipped && (report.verdict().exit() != Exit::Success || report.counts.padded_keys > 0) {
            terminal.stderr(&format!("{}:", paint(Style::Strong, &report.sync)));
            let letters = dead_letters.map(|file| file.to_string_lossy().replace("{sync}", &report.sync));
            problems(report, terminal, &letters_hint(letters.as_deref()));
        }
    }
}

fn mark(ink: Style) -> &'static str {
    match ink {
        Style::Good => "✔",
        Style::Bad => "✘",
        Style::Notice | Style::Faint | Style::Strong => "▲",
    }
}

/// The run in a few words.
fn verdict(report: &Report) -> (Style, String) {
    let counts = &report.counts;
    match report.verdict() {
        Verdict::Failed(FailureKind::Interrupted) => (Style::Bad, "interrupted".to_owned()),
        Verdict::Failed(FailureKind::Skipped) => (Style::Notice, "skipped".to_owned()),
        Verdict::Failed(_) => (Style::Bad, "failed".to_owned()),
        Verdict::DryRun(_) => (Style::Notice, "dry run, nothing was sent".to_owned()),
        Verdict::Withheld | Verdict::Rejected => {
            let shortcomings = [
                (counts.withheld_removals, "removal", "withheld"),
                (counts.rejected, "row", "rejected"),
                (counts.failed_removals, "removal", "failed"),
            ];
            let there = shortcomings.into_iter().filter(|(number, ..)| *number > 0);
            let told: Vec<_> = there.map(|(number, what, how)| format!("{} {how}", counted(number, what))).collect();
            (Style::Notice, told.join(", "))
        }
        Verdict::NothingToDo => (Style::Good, "nothing to do".to_owned()),
        Verdict::Delivered => (Style::Good, "all delivered".to_owned()),
    }
}

fn table(report: &Report) -> String {
    let counts = &report.counts;
    let mirrors = report.sync_mode == Some("mirror");
    let knows = counts.added + counts.changed + counts.unchanged > 0 || mirrors;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut row = |shown: bool, name: &str, number: String, remark: String| {
        if shown {
            table.add_row([format!("  {name}"), number, remark]);
        }
    };
    let superseded = match counts.superseded {
        0 => String::new(),
        rows => format!("{} replaced by a later row of the same key", count(rows)),
    };
    let plain = String::new;
    row(true, "rows read", count(counts.rows_read), plain());
    row(knows, "unchanged", count(counts.unchanged), plain());
    if report.dry_run {
        row(true, "to be sent", count(counts.planned), plain());
        row(knows, "  to be added", count(counts.added), plain());
        row(knows, "  to be changed", count(counts.changed), plain());
        if let Some(estimate) = report.estimate.filter(|estimate| estimate.requests > 0) {
            let time = estimate.seconds.map(|seconds| format!("{} or more at the configured rate", duration(seconds)));
            row(true, "  in requests", count(estimate.requests), time.unwrap_or_default());
        }
    } else {
        row(true, "delivered", count(counts.delivered), superseded);
        row(knows, "  added", count(counts.added), plain());
        row(knows, "  changed", count(counts.changed), plain());
    }
    row(counts.rejected > 0, "rejected", count(counts.rejected), plain());
    row(counts.undelivered > 0, "undelivered", count(counts.undelivered), plain());
    row(mirrors, if report.dry_run { "to be removed" } else { "removed" }, count(counts.removed), plain());
    row(counts.withheld_removals > 0, "removals withheld", count(counts.withheld_removals), plain());
    row(counts.failed_removals > 0, "removals failed", count(counts.failed_removals), plain());
    let others = "another sync of the target holds them".to_owned();
    row(counts.left_to_others > 0, "left to others", count(counts.left_to_others), others);
    if !report.dry_run {
        let repeated = if report.retries > 0 { format!("{} repeated", count(report.retries)) } else { plain() };
        row(true, "requests", count(report.requests), repeated);
        row(true, "sent", bytes(report.bytes_sent), plain());
        let kinds: Vec<String> =
            report.effects.iter().map(|(effect, times)| format!("{} {effect}", count(times))).collect();
        row(!kinds.is_empty(), "effects", count(report.effects.total()), kinds.join(", "));
    }
    // The speed of a few rows says how long the start took.
    let speed = match counts.rows_read {
        rows if rows < MIN_ROWS_FOR_SPEED => plain(),
        rows => format!("{} rows/s", count(rate(rows, report.seconds))),
    };
    row(true, "time", duration(report.seconds), speed);
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// What to do about rejected rows that could not be kept.
const LETTERS_LOST: &str = "not all of them could be written down: run again once there is room; it rejects them again";

/// What to do about rejected rows.
fn letters_hint(dead_letters: Option<&str>) -> String {
    match dead_letters {
        Some(path) => format!("all of them are in {path}; fix the rows, then run again with --replay {path}"),
        None => "run again with --dead-letters FILE to get all of them, each with its row".to_owned(),
    }
}

fn problems(report: &Report, terminal: &Terminal, letters_hint: &str) {
    let counts = &report.counts;
    if let Some(failure) = &report.failure {
        terminal.error_with_cause(&failure.message, failure.cause.as_deref(), failure.hint.as_deref());
    }
    if let Some(withheld) = &report.withheld {
        show_withheld(withheld, counts.withheld_removals, terminal);
    }
    if counts.padded_keys > 0 {
        terminal.warning(
            &format!("{} with blanks around the ID, which is sent to the letter", counted(counts.padded_keys, "row")),
            Some("if they are not meant, take them away in the source: an ID with a blank is another customer"),
        );
    }
    if counts.rejected > 0 {
        let are_lost = report.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::DeadLetters);
        show_rejections(report, terminal, if are_lost { LETTERS_LOST } else { letters_hint });
    }
    if !report.refused_removals.is_empty() {
        show_refused_removals(report, terminal);
    }
}

fn show_withheld(withheld: &Withheld, removals: u64, terminal: &Terminal) {
    let mut keys: Vec<&str> = withheld.first_keys.iter().take(MOST_KEYS).map(String::as_str).collect();
    let rest = removals.saturating_sub(keys.len() as u64);
    let more = format!("and {} more", count(rest));
    if rest > 0 {
        keys.push(&more);
    }
    let message = format!("{} withheld: {}", counted(removals, "removal"), withheld.reason);
    terminal.warning(&message, Some(&withheld.hint));
    terminal.stderr(&format!("  {}", keys.join(", ")));
}

fn show_refused_removals(report: &Report, terminal: &Terminal) {
    let refused: u64 = report.refused_removals.iter().map(|refused| refused.removals).sum();
    let hint =
        "each run tries again; `destination-host state forget SYNC KEY` drops a member that is not there any more";
    terminal.warning(&format!("{} refused", counted(refused, "removal")), Some(hint));
    for refused in report.refused_removals.iter().take(MOST_CODES) {
        let mut keys: Vec<&str> = refused.first_keys.iter().take(MOST_KEYS).map(String::as_str).collect();
        let more = format!("and {} more", count(refused.removals.saturating_sub(keys.len() as u64)));
        if refused.removals > keys.len() as u64 {
            keys.push(&more);
        }
        let code = paint(Style::Strong, &refused.code);
        terminal.stderr(&format!("  {} {code}  {}: {}", count(refused.removals), keys.join(", "), refused.message));
    }
    let more = report.refused_removals.len().saturating_sub(MOST_CODES);
    if more > 0 {
        terminal.stderr(&format!("  and {}", counted(more as u64, "more kind")));
    }
}

fn show_rejections(report: &Report, terminal: &Terminal, letters_hint: &str) {
    terminal.warning(&format!("{} rejected", counted(report.counts.rejected, "row")), Some(letters_hint));
    for rejections in report.rejections.iter().take(MOST_CODES) {
        let first = match rejections.first_row {
            Some(row) if rejections.rows > 1 => format!("first row {}: ", count(row)),
            Some(row) => format!("row {}: ", count(row)),
            None => String::new(),
        };
        let code = paint(Style::Strong, &rejections.code);
        terminal.stderr(&format!("  {} {code}  {first}{}", count(rejections.rows), rejections.message));
    }
    let more = report.rejections.len().saturating_sub(MOST_CODES);
    if more > 0 {
        terminal.stderr(&format!("  and {}", counted(more as u64, "more kind")));
    }
}

#[cfg(test)]
mod tests {
    use destination_host::report::effects::Effects;
    use destination_host::report::{Counts, Failure};

    use super::*;
    use destination_host::report::run_id::RunId;

    fn report(counts: Counts) -> Report {
        Report {
            run_id: RunId::new(std::time::SystemTime::UNIX_EPOCH),
            sync: "vip".to_owned(),
            object_type: Some("members".to_owned()),
            sync_mode: Some("mirror"),
            dry_run: false,
            estimate: None,
            counts,
            withheld: None,
            rejections: Vec::new(),
            refused_removals: Vec::new(),
            requests: 3,
            retries: 1,
            bytes_sent: 1500,
            effects: Effects::default(),
            seconds: 0.5,
            failure: None,
        }
    }

    #[test]
    fn the_verdict_says_the_worst() {
        let told = |counts, failure: Option<FailureKind>| {
            let failure = failure.map(|kind| Failure { kind, message: String::new(), cause: None, hint: None });
            verdict(&Report { failure, ..report(counts) }).1
        };
        let none = Counts::default();
        assert_eq!(told(none, None), "nothing to do");
        assert_eq!(told(Counts { delivered: 1, ..none }, None), "all delivered");
        let short = Counts { rejected: 1, withheld_removals: 2, ..none };
        assert_eq!(told(short, None), "2 removals withheld, 1 row rejected");
        assert_eq!(told(short, Some(FailureKind::Source)), "failed");
        assert_eq!(told(short, Some(FailureKind::Interrupted)), "interrupted");
    }

    #[test]
    fn the_table_shows_what_matters_for_the_mode() {
        let counts =
            Counts { rows_read: 1000, unchanged: 990, delivered: 10, added: 10, removed: 4, ..Counts::default() };
        assert_eq!(
            table(&report(counts)),
            "   rows read   1,000\n   unchanged     990\n   delivered      10\n     added        10\n     changed       0\n   \
             removed         4\n   requests        3  1 repeated\n   sent       1.5 kB\n   time       0.50 s  2,000 rows/s"
        );
    }
}

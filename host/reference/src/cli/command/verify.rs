//! `verify`: what is at the destination beside what was delivered; and the run that puts it right.

use std::path::Path;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::human_format::{count, counted, duration};
use destination_host::pipeline::Options;
use destination_host::report::exit::Exit;
use destination_host::sync_file::SyncFile;
use destination_host::verification::{Found, Keys, Members, Records, Verification, VerifyError, VerifyOptions, verify};
use serde_json::{Value, json};

use super::{client, sync, sync_file};
use crate::cli::arguments::Verify;
use crate::cli::problem::Problem;
use crate::cli::progress::Counter;
use crate::cli::signal;
use crate::cli::terminal::{Style, Terminal, paint};

pub(super) async fn run(plugin: &Plugin, args: &Verify, terminal: &Terminal) -> Result<Exit, Problem> {
    let stop = Stop::default();
    signal::listen(&stop, terminal)
        .map_err(|error| Problem::new(Exit::Failed, format!("can't listen to signals: {error}")))?;
    let path = args.sync.as_path();
    let sync = sync_file(plugin, path, terminal).await?;
    let mut options = VerifyOptions::default();
    options.sample = args.sample;
    options.outcomes.clone_from(&args.outcomes);
    options.repair = args.repair;
    let counter = Counter::new(terminal, "listed");
    let client = client(&sync.network)?;
    let verified = verify(plugin, &client, &sync, &options, &stop, &mut |listed| counter.set(listed)).await;
    counter.finish();
    let verification = verified.map_err(|error| problem(path, error))?;
    if args.json {
        let text = serde_json::to_string_pretty(&as_json(&sync, &verification));
        terminal.data(&text.map_err(|error| Problem::new(Exit::Failed, error.to_string()))?);
    } else {
        show(&sync, &verification, terminal);
    }
    if args.repair && matches!(verification.found, Found::Incomplete(_)) {
        terminal.error("nothing was repaired", Some("run again: a repair needs a listing that is complete"));
    }
    if !verification.repair_noted {
        return Ok(verification.exit());
    }
    let run =
        Options { allow_removals: args.allow_removals, inputs: sync::inputs(&args.plugin, path), ..Options::default() };
    sync::deliver(plugin, path, &sync, &run, &stop, None, terminal).await.map(|report| report.verdict().exit())
}

fn problem(path: &Path, error: VerifyError) -> Problem {
    match error {
        VerifyError::Run(error) => Problem::run(path, error),
        VerifyError::Failed(failure) => failure.into(),
        error => Problem::new(Exit::Usage, error.to_string()),
    }
}

fn show(sync: &SyncFile, verification: &Verification, terminal: &Terminal) {
    let exit = verification.exit();
    let (mark, what) = match exit {
        Exit::Success => (paint(Style::Good, "✔"), "is at the destination as it was delivered"),
        Exit::Drift => (paint(Style::Bad, "✘"), "is not at the destination as it was delivered"),
        _ => (paint(Style::Notice, "?"), "can't be compared: the listing may not be complete"),
    };
    terminal.stdout(&format!("{mark} `{}` {what}", sync.name));
    match &verification.found {
        Found::Incomplete(incomplete) => terminal.stdout(&format!("  {incomplete}")),
        Found::Members(members) => {
            terminal.stdout(&format!("  listed     {}", counted(members.seen, "member")));
            show_members(members, terminal);
            show_keys("foreign", &members.foreign, " (never touched)", terminal);
        }
        Found::SomeMembers { members, because } => {
            terminal
                .stdout(&format!("  a sample   {} looked for, of those that are known", counted(members.seen, "key")));
            terminal.stdout(&format!("             {because}"));
            show_members(members, terminal);
        }
        Found::Records(records) => show_records(records, terminal),
    }
    let requests = counted(verification.requests, "request");
    terminal.stdout(&paint(Style::Faint, &format!("  {requests}, {}", duration(verification.seconds))));
}

fn show_members(members: &Members, terminal: &Terminal) {
    terminal.stdout(&format!("  equal      {}", count(members.equal)));
    show_keys("missing", &members.missing, "", terminal);
    show_keys("left over", &members.left_over, "", terminal);
    if members.pending > 0 {
        let what = "sent and not confirmed; the next run sends them again";
        terminal.stdout(&format!("  pending    {} ({what})", count(members.pending)));
    }
}

fn show_keys(what: &str, keys: &Keys, told: &str, terminal: &Terminal) {
    if keys.count == 0 {
        return;
    }
    let more = if keys.count > keys.first.len() as u64 { ", …" } else { "" };
    terminal.stdout(&format!("  {what:<10} {}{told}: {}{more}", count(keys.count), keys.first.join(", ")));
}

fn show_records(records: &Records, terminal: &Terminal) {
    let of = if records.stopped { "; the rest was not looked at, too many differ" } else { "" };
    terminal.stdout(&format!(
        "  compared   {} of {}{of}",
        counted(records.compared, "record"),
        counted(records.rows, "row")
    ));
    if records.unmapped > 0 {
        terminal.stdout(&format!("  unmapped   {} (rejected, not compared)", counted(records.unmapped, "row")));
    }
    show_keys("absent", &records.absent_or_left, "", terminal);
    if records.differing > 0 {
        let fields: Vec<String> = records.fields.iter().map(|(field, n)| format!("{field} ({})", count(*n))).collect();
        terminal.stdout(&format!("  differing  {}, in {}", counted(records.differing, "record"), fields.join(", ")));
    }
    for difference in &records.first {
        terminal.stdout(&format!("    {}  {}", difference.key, difference.told()));
    }
}

fn as_json(sync: &SyncFile, verification: &Verification) -> Value {
    let keys = |keys: &Keys| json!({ "count": keys.count, "first": keys.first });
    let members = |members: &Members| {
        json!({
            "seen": members.seen,
            "equal": members.equal,
            "missing": keys(&members.missing),
            "left_over": keys(&members.left_over),
            "foreign": keys(&members.foreign),
            "pending": members.pending,
        })
    };
    let found = match &verification.found {
        Found::Members(all) => json!({ "members": members(all) }),
        Found::Incomplete(incomplete) => json!({ "incomplete": incomplete.to_string() }),
        Found::SomeMembers { members: some, because } => json!({ "members": members(some), "sample": because }),
        Found::Records(records) => {
            let first = records.first.iter().map(|difference| {
                json!({
                    "key": difference.key,
                    "field": difference.field,
                    "expected": difference.expected,
                    "found": difference.found,
                })
            });
            json!({ "records": {
                "rows": records.rows,
                "unmapped": records.unmapped,
                "compared": records.compared,
                "absent": keys(&records.absent_or_left),
                "differing": records.differing,
                "fields": records.fields,
                "first": first.collect::<Vec<_>>(),
                "stopped": records.stopped,
            } })
        }
    };
    json!({
        "sync": sync.name.as_str(),
        "found": found,
        "repair_noted": verification.repair_noted,
        "requests": verification.requests,
        "seconds": verification.seconds,
        "exit_code": verification.exit(),
    })
}

//! `demo`: the whole job on a Talon.One of its own, with the shipped examples and the very code of `sync`.
//!
//! Customers become profiles; an audience follows its source; a week later only the differences are sent. Everything
//! happens in a temporary folder that is gone afterwards.

use std::env::VarError;
use std::path::Path;

use destination_engine::plugin::Plugin;
use destination_engine::stop::Stop;
use destination_host::human_format::counted;
use destination_host::pipeline::Options;
use destination_host::report::exit::Exit;
use destination_host::sync_file::{Draft, SyncFile};
use fake_talon_one::{Fake, Settings};

use crate::cli::problem::Problem;
use crate::cli::signal;
use crate::cli::terminal::{Style, Terminal, paint};

use super::{judged, sync::deliver};

const API_KEY: &str = "demo-key";
/// The audience of the example, and of the fake.
const AUDIENCE: i64 = 42;
/// Profiles that are shown at the end.
const PROFILES_SHOWN: usize = 2;

const PROFILES: Example = Example {
    folder: "profiles",
    sync: include_str!("../../../../../examples/profiles/sync.toml"),
    rows: include_str!("../../../../../examples/profiles/customers.csv"),
    rows_file: "customers.csv",
};
const AUDIENCE_NOW: Example = Example {
    folder: "audience",
    sync: include_str!("../../../../../examples/audience/sync.toml"),
    rows: include_str!("../../../../../examples/audience/members.csv"),
    rows_file: "members.csv",
};
/// The same sync, and so the same state; other rows.
const AUDIENCE_LATER: Example =
    Example { rows: include_str!("../../../../../examples/audience/members-next-week.csv"), ..AUDIENCE_NOW };

struct Example {
    folder: &'static str,
    sync: &'static str,
    rows: &'static str,
    rows_file: &'static str,
}

pub(crate) async fn run(plugin: &Plugin, terminal: &Terminal) -> Result<Exit, Problem> {
    let failed = |error: std::io::Error| Problem::new(Exit::Failed, format!("can't set the demo up: {error}"));
    let fake = Fake::start(Settings::demo(API_KEY)).map_err(failed)?;
    let folder = tempfile::tempdir().map_err(failed)?;
    let stop = Stop::default();
    signal::listen(&stop, terminal).map_err(failed)?;
    terminal.stdout(&paint(Style::Faint, &format!("Fake Talon.One listening on {}", fake.url())));

    for (number, title, example) in [
        (1, "Customers become profiles", PROFILES),
        (2, "An audience gets its members", AUDIENCE_NOW),
        (3, "A week later: only the differences are sent", AUDIENCE_LATER),
    ] {
        terminal.stdout("");
        terminal.stdout(&paint(Style::Strong, &format!("{number}. {title}")));
        let (path, sync) = example.lay_out(folder.path(), fake.url(), plugin).await?;
        let report = deliver(plugin, &path, &sync, &Options::default(), &stop, None, terminal).await?;
        let exit = report.verdict().exit();
        if exit != Exit::Success {
            return Ok(exit);
        }
    }
    show_what_it_holds(&fake, terminal);
    Ok(Exit::Success)
}

impl Example {
    /// Writes the example's files and reads its sync file.
    async fn lay_out(
        &self,
        folder: &Path,
        url: &str,
        plugin: &Plugin,
    ) -> Result<(std::path::PathBuf, SyncFile), Problem> {
        let folder = folder.join(self.folder);
        let path = folder.join("sync.toml");
        let write = || {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(&path, self.sync)?;
            std::fs::write(folder.join(self.rows_file), self.rows)
        };
        write().map_err(|error| Problem::new(Exit::Failed, format!("can't write the examples: {error}")))?;
        let variables = |name: &str| match name {
            "TALON_ONE_URL" => Ok(url.to_owned()),
            "TALON_ONE_API_KEY" => Ok(API_KEY.to_owned()),
            _ => Err(VarError::NotPresent),
        };
        let draft = Draft::parse(self.sync, &folder, &variables).map_err(|faults| Problem::faults(&path, faults))?;
        let sync = judged(plugin, draft).await?.finish().map_err(|faults| Problem::faults(&path, faults))?;
        Ok((path, sync))
    }
}

fn show_what_it_holds(fake: &Fake, terminal: &Terminal) {
    let profiles = fake.profiles();
    let members = fake.members(AUDIENCE);
    terminal.stdout("");
    terminal.stdout(&format!(
        "{} Talon.One now holds {} and an audience of {}, after {}.",
        paint(Style::Good, "✔"),
        counted(profiles.len() as u64, "profile"),
        counted(members.len() as u64, "member"),
        counted(fake.requests().len() as u64, "request"),
    ));
    for (id, attributes) in profiles.iter().filter(|(_, attributes)| !attributes.is_empty()).take(PROFILES_SHOWN) {
        terminal.stdout(&format!("  {}", paint(Style::Strong, id)));
        for (name, value) in attributes {
            terminal.stdout(&format!("    {name:18} {value}"));
        }
    }
}

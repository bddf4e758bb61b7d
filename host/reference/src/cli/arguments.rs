//! The command line's grammar. What the commands do is in [`crate::cli::command`].

mod plugin;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
#[cfg(feature = "conform")]
use destination_host::conform::Confirmation;
use destination_host::report::outcomes::OutcomeFile;
use destination_host::verification::SampleSize;

pub(crate) use self::plugin::{ComponentSource, PluginChoice};
use crate::cli::about;

const EXIT_CODES: &str = "Exit codes: 0 all delivered, 1 failed, 2 wrong usage or config, 3 some rows rejected, \
                          4 removals withheld, 5 drift found.\n\
                          DESTINATION_HOST_LOG=warn, info or debug tells what goes on inside, on standard error.";

/// Delivers the rows of a file or query to a destination, through a sandboxed plugin.
#[derive(Debug, Parser)]
#[command(name = "destination-host", version, long_version = about::long_version(), after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// How standard error is written: for people, or one JSON object a line.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How standard error is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the plugin is: its objects, modes, fields and limits.
    #[command(
        after_help = "Examples:\n  destination-host describe\n  destination-host describe --component other.wasm"
    )]
    Describe {
        /// Print the JSON Schema of its settings instead.
        #[arg(long)]
        schema: bool,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Find every fault of a sync file. Sends nothing.
    #[command(after_help = "Example:\n  destination-host validate crm.toml")]
    Validate {
        /// The sync file.
        sync: PathBuf,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Look at rows and write a first sync file for them, with what was guessed as comments to check.
    #[command(after_help = "Examples:\n  \
        destination-host init customers.csv > customers.toml\n  \
        destination-host init exports/ --output customers.toml\n  \
        destination-host init --driver drivers/libadbc_driver_postgresql.so --uri postgresql://… --query 'SELECT …'")]
    Init(Init),
    /// Make one cheap request with the sync's key: is the way to the destination open?
    #[command(after_help = "Example:\n  destination-host check crm.toml\n\
        A key that the sync file writes as ${NAME} is taken from the environment.")]
    Check {
        /// The sync file.
        sync: PathBuf,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Show the exact requests for the first rows. Sends nothing.
    #[command(
        after_help = "Examples:\n  destination-host preview crm.toml\n  destination-host preview crm.toml --rows 1000 | tail -n 1 | jq"
    )]
    Preview {
        /// The sync file.
        sync: PathBuf,
        /// Rows to show.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        rows: u32,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Deliver the rows.
    #[command(after_help = "Examples:\n  \
        destination-host sync crm.toml\n  \
        destination-host sync crm.toml --dry-run\n  \
        destination-host sync crm.toml --dead-letters rejected.ndjson --report-html report.html\n  \
        destination-host sync crm.toml --replay fixed.ndjson\n  \
        destination-host sync syncs/ --report report.json --dead-letters 'rejected/{sync}.ndjson'\n  \
        destination-host sync syncs/ --failed\n  \
        psql -c 'COPY (…) TO STDOUT CSV HEADER' | destination-host sync from-stdin.toml")]
    Sync(Sync),
    /// What is there at the destination: its fields, and what a sync can write to. Needs a key that may look.
    #[command(
        after_help = "Examples:\n  destination-host discover crm.toml\n  destination-host discover crm.toml --json | jq"
    )]
    Discover {
        /// The sync file.
        sync: PathBuf,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Compare what is at the destination with what was delivered: members with the state, records with the source's rows.
    #[command(after_help = "Examples:\n  \
        destination-host verify audience.toml\n  \
        destination-host verify audience.toml --outcomes drift.csv\n  \
        destination-host verify audience.toml --repair\n  \
        destination-host verify crm.toml --sample 5000")]
    Verify(Verify),
    /// Show what a sync needs and the destination does not have yet, and create it once you agree. Nothing is ever deleted.
    #[command(
        after_help = "Examples:\n  destination-host provision crm.toml\n  destination-host provision crm.toml --yes"
    )]
    Provision {
        /// The sync file.
        sync: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// How the last run of each sync went, and what is left of it.
    #[command(
        after_help = "Examples:\n  destination-host status syncs/\n  destination-host status crm.toml --json | jq"
    )]
    Status {
        /// Sync files, or folders of them.
        #[arg(required = true, value_name = "SYNC")]
        syncs: Vec<PathBuf>,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run a Talon.One to try things on. It listens on this machine alone.
    #[cfg(feature = "demo")]
    #[command(after_help = "Examples:\n  destination-host fake --port 8085\n  destination-host fake --any-attributes")]
    Fake {
        /// Take custom attributes of any name, as if all had been created. For rows of your own.
        #[arg(long)]
        any_attributes: bool,
        /// The port; 0 takes a free one.
        #[arg(long, value_name = "N", default_value_t = 0)]
        port: u16,
    },
    /// See the whole job at work: profiles, then an audience that follows its source, on a Talon.One of its own.
    #[cfg(feature = "demo")]
    Demo,
    /// Try a plugin by every rule of the contract. Sends to this machine alone.
    #[cfg(feature = "conform")]
    #[command(after_help = "Examples:\n  destination-host conform webhook.wasm --config good.json\n  \
        destination-host conform webhook.wasm --config good.json --rows rows.ndjson --json")]
    Conform {
        /// The plugin; without it the one inside.
        #[arg(value_name = "FILE.wasm")]
        plugin: Option<PathBuf>,
        /// A config that is good for it, as JSON. Its endpoints are replaced by a server on this machine.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Rows that it maps, one JSON object a line; without it rows are made up, with a key and nothing else.
        #[arg(long, value_name = "FILE")]
        rows: Option<PathBuf>,
        /// What its server confirms with, a status and a JSON body; without it 204 is tried, then 200, 201 and 202 with JSON.
        #[arg(long, value_name = "ANSWER")]
        confirm: Option<Confirmation>,
        /// Print the result as JSON: examples/conform.schema.json describes it.
        #[arg(long)]
        json: bool,
    },
    /// Take the messages of a Singer tap on standard input, in Meltano, say: each stream is a sync of its own.
    #[command(
        version,
        after_help = "Examples:\n  \
        tap-postgres --config tap.json --catalog catalog.json | destination-host singer --config target.json\n  \
        destination-host singer --about --format meltano\n\
        Standard output gets each STATE once all records before it are acknowledged."
    )]
    Singer(Singer),
    /// Be a destination of Airbyte: spec, check, discover and write, by its protocol.
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        destination-host airbyte spec\n  \
        destination-host airbyte write --config config.json --catalog catalog.json < messages\n\
        Standard output gets messages of the protocol and nothing else: each STATE once all records before it are acknowledged."
    )]
    Airbyte(Airbyte),
    /// What is remembered of a sync between runs.
    #[command(subcommand)]
    State(State),
    /// The JSON Schema of sync files: editors complete and check them by it.
    #[command(after_help = "Example:\n  destination-host schema > sync.schema.json\n  \
        and as the first line of a sync file: #:schema ./sync.schema.json")]
    Schema {
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// A script that makes a shell complete this command line.
    #[command(after_help = "Example:\n  destination-host completions bash > /etc/bash_completion.d/destination-host")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// The manual page.
    #[command(after_help = "Example:\n  destination-host man > destination-host.1; man ./destination-host.1")]
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct Singer {
    /// The config: the plugin's keys at the top; `streams`, `limits`, `state`, `network`, `dead_letters`, `outcomes`
    /// and `report` beside them.
    #[arg(long, value_name = "FILE.json", required_unless_present = "about")]
    pub(crate) config: Option<PathBuf>,
    /// Say what the target is and which settings it has, and read nothing.
    #[arg(long)]
    pub(crate) about: bool,
    /// With --about: for the hub, or the definition of the plugin for meltano.yml.
    #[arg(long, value_name = "FORMAT", default_value = "json", requires = "about")]
    pub(crate) format: About,
    #[command(flatten)]
    pub(crate) plugin: PluginChoice,
}

/// How a target describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum About {
    /// Its name, capabilities and the JSON Schema of its settings.
    Json,
    /// A loader for meltano.yml, in JSON, which is YAML as well.
    Meltano,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Airbyte {
    /// What the destination is, and the JSON Schema of its config.
    Spec {
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Make one cheap request with the config's key: is the way to the destination open?
    Check {
        /// The config: the plugin's keys at the top; `streams`, `limits`, `state`, `network`, `dead_letters`,
        /// `outcomes` and `report` beside them.
        #[arg(long, value_name = "FILE.json")]
        config: PathBuf,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// The objects that the destination takes, for connections that map columns to its fields.
    Discover {
        /// The config.
        #[arg(long, value_name = "FILE.json")]
        config: PathBuf,
        #[command(flatten)]
        plugin: PluginChoice,
    },
    /// Take the messages of a source on standard input: each stream is a sync of its own.
    Write {
        /// The config.
        #[arg(long, value_name = "FILE.json")]
        config: PathBuf,
        /// Which streams come, and how they are to be applied.
        #[arg(long, value_name = "FILE.json")]
        catalog: PathBuf,
        #[command(flatten)]
        plugin: PluginChoice,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The rows: a file, a folder of files, or a pattern in quotes.
    #[arg(value_name = "FILE", required_unless_present = "query", conflicts_with = "query")]
    pub(crate) path: Option<String>,
    /// A database's driver, instead of a file: a name, or the path of its library.
    #[arg(long, requires = "query")]
    pub(crate) driver: Option<String>,
    /// The function with which the driver's library begins, where it is not the usual one.
    #[arg(long, requires = "driver")]
    pub(crate) entrypoint: Option<String>,
    /// Where the database is. Where it holds a password, the sync file takes it from the environment.
    #[arg(long, requires = "query")]
    pub(crate) uri: Option<String>,
    /// The SQL.
    #[arg(long, requires = "driver")]
    pub(crate) query: Option<String>,
    /// What the rows become; the plugin's first object type where it is left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) object_type: Option<String>,
    /// Write the sync file here, where there is no file yet, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) plugin: PluginChoice,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Sync files, or folders of them. Several run together, under one rate limit for each deployment.
    #[arg(required = true, value_name = "SYNC")]
    pub(crate) syncs: Vec<PathBuf>,
    /// Run only the syncs of this name; * stands for any letters. May be given again.
    #[arg(long, value_name = "NAME", value_parser = name_pattern)]
    pub(crate) select: Vec<glob::Pattern>,
    /// Run only the syncs whose last run failed, did not end, or is not known.
    #[arg(long)]
    pub(crate) failed: bool,
    /// Say what would be done. Nothing is sent, and nothing written but the reports that are asked for.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the result of the run, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write the result of the run, as a page for people. It opens without a network. With several syncs: a page for each,
    /// {sync} stands for its name.
    #[arg(long, value_name = "FILE")]
    pub(crate) report_html: Option<PathBuf>,
    /// Write rejected rows, one JSON object a line; --replay reads them back. With several syncs: a file for each, {sync}
    /// stands for its name.
    #[arg(long, value_name = "FILE")]
    pub(crate) dead_letters: Option<PathBuf>,
    /// Write what happened to each row, one line a row. The name says the form: .parquet, .ndjson or .csv. With several
    /// syncs: a file for each, {sync} stands for its name.
    #[arg(long, value_name = "FILE", value_parser = outcome_file)]
    pub(crate) outcomes: Option<OutcomeFile>,
    /// Let a mirror remove more than state.max_removals, everybody even.
    #[arg(long)]
    pub(crate) allow_removals: bool,
    /// Send only rows that are new or differ from what was delivered. A mirror always does.
    #[arg(long)]
    pub(crate) changed_only: bool,
    /// Send all rows, those that did not change too: where others have changed the destination.
    #[arg(long, conflicts_with = "changed_only")]
    pub(crate) resend_all: bool,
    /// Read a dead-letter file instead of the source. Nobody is removed.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// Read only the first N rows of each source. Nobody is removed.
    #[arg(long, value_name = "N", conflicts_with = "replay")]
    pub(crate) limit: Option<NonZeroU64>,
    /// Let Prometheus read the run's numbers at http://ADDR/metrics. A port alone listens on this machine only.
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) plugin: PluginChoice,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The sync file.
    pub(crate) sync: PathBuf,
    /// Rows to compare, or `all`. Of members all are listed; where they can't be, so many are looked for.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) sample: SampleSize,
    /// Write every key that is missing, left over or foreign, and every value that differs, one a line. The name says the form:
    /// .parquet, .ndjson or .csv.
    #[arg(long, value_name = "FILE", value_parser = outcome_file)]
    pub(crate) outcomes: Option<OutcomeFile>,
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Send what is missing and remove what is left over, by a run of the sync. Needs a mirror, and a listing that is complete.
    #[arg(long)]
    pub(crate) repair: bool,
    /// Let the repair remove more than state.max_removals.
    #[arg(long, requires = "repair")]
    pub(crate) allow_removals: bool,
    #[command(flatten)]
    pub(crate) plugin: PluginChoice,
}

/// A sync's name, or a pattern of names.
fn name_pattern(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| format!("is no name or pattern of names: {error}"))
}

/// A file for outcomes, whose name says what it holds.
fn outcome_file(path: &str) -> Result<OutcomeFile, String> {
    OutcomeFile::new(Path::new(path))
}

/// An address to listen on: `9090`, `:9090`, `127.0.0.1:9090`.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    match (port.parse::<u16>(), text.parse::<SocketAddr>()) {
        (Ok(port), _) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        (_, Ok(address)) => Ok(address),
        _ => Err("expected a port, or an IP address and a port: 9090 or 127.0.0.1:9090".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// How many keys are known to be delivered, and to where.
    Show {
        /// The sync file.
        sync: PathBuf,
    },
    /// All that is known, one JSON object a line: the sync, then every key.
    Export {
        /// The sync file.
        sync: PathBuf,
    },
    /// Take in what `export` wrote, as the state of a sync that has none: to another file, a database or an object store.
    #[command(after_help = "Example:\n  destination-host state export audience.toml > audience.ndjson\n  \
                            (set [state] url in audience.toml)\n  destination-host state import audience.toml audience.ndjson")]
    Import {
        /// The sync file.
        sync: PathBuf,
        /// The export; `-` is standard input.
        file: PathBuf,
    },
    /// Forget single keys: the destination keeps them, and no later run removes them.
    #[command(after_help = "Example:\n  destination-host state forget audience.toml cust_17 cust_18")]
    Forget {
        /// The sync file.
        sync: PathBuf,
        /// The keys, as `state export` shows them.
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Take up a state file of which a part is lost: nothing counts as confirmed, and the next run sends every row again.
    Recover {
        /// The sync file.
        sync: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Forget the sync. The destination keeps what it has; a mirror begins again and removes nobody it added before.
    Reset {
        /// The sync file.
        sync: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_port_alone_is_this_machines() {
        for (text, address) in
            [("9090", "127.0.0.1:9090"), (":0", "127.0.0.1:0"), ("0.0.0.0:80", "0.0.0.0:80"), ("[::1]:80", "[::1]:80")]
        {
            assert_eq!(listen_address(text).map(|address| address.to_string()), Ok(address.to_owned()));
        }
        for text in ["", "localhost", "70000", "1.2.3.4"] {
            assert!(listen_address(text).is_err(), "{text}");
        }
    }
}

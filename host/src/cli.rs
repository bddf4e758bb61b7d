//! The command line's grammar. What the commands do is in [`crate::command`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes: 0 all delivered, 1 failed, 2 wrong usage or config, 3 some rows rejected, \
                          4 removals withheld.\n\
                          DESTINATION_HOST_LOG=warn, info or debug tells what goes on inside, on standard error.";

/// Delivers the rows of a file or query to a destination, through a sandboxed plugin.
#[derive(Debug, Parser)]
#[command(name = "destination-host", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Use this plugin instead of the one inside.
    #[arg(long, global = true, value_name = "FILE.wasm")]
    pub(crate) component: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the plugin is: its objects, modes, fields and limits.
    Describe {
        /// Print the JSON Schema of its settings instead.
        #[arg(long)]
        schema: bool,
    },
    /// Find every fault of a sync file. Sends nothing.
    Validate {
        /// The sync file.
        sync: PathBuf,
    },
    /// Make one cheap request with the sync's key: is the way to the destination open?
    Check {
        /// The sync file.
        sync: PathBuf,
    },
    /// Show the exact requests for the first rows. Sends nothing.
    Preview {
        /// The sync file.
        sync: PathBuf,
        /// Rows to show.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        rows: u32,
    },
    /// Deliver the rows.
    Sync(Sync),
    /// Run a Talon.One to try things on. It listens on this machine alone.
    #[cfg(feature = "demo")]
    Fake {
        /// The port; 0 takes a free one.
        #[arg(long, value_name = "N", default_value_t = 0)]
        port: u16,
    },
    /// See the whole job at work: profiles, then an audience that follows its source, on a Talon.One of its own.
    #[cfg(feature = "demo")]
    Demo,
    /// What is remembered of a sync between runs.
    #[command(subcommand)]
    State(State),
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The sync file.
    pub(crate) sync: PathBuf,
    /// Say what would be done. Nothing is sent and no state is written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write what became of the run, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write rejected rows, one JSON object a line; --replay reads them back.
    #[arg(long, value_name = "FILE")]
    pub(crate) dead_letters: Option<PathBuf>,
    /// Let a mirror remove more than state.max_removals, everybody even.
    #[arg(long)]
    pub(crate) allow_removals: bool,
    /// Send only rows that are new or differ from what was delivered. A mirror always does.
    #[arg(long)]
    pub(crate) changed_only: bool,
    /// Read a dead-letter file instead of the source. Nobody is removed.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// How many keys are known to be delivered, and to where.
    Show {
        /// The sync file.
        sync: PathBuf,
    },
    /// Every key, one JSON object a line.
    Export {
        /// The sync file.
        sync: PathBuf,
    },
    /// Forget the sync. The destination keeps what it has; a mirror begins anew and removes nobody it added before.
    Reset {
        /// The sync file.
        sync: PathBuf,
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
}

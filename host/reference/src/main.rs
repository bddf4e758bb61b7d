//! The command line: parses, calls the library, prints, and exits with the code that says how it went.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use destination_host::report::exit::Exit;

use crate::cli::arguments::Cli;
use crate::cli::terminal::Terminal;

fn main() -> ExitCode {
    make_files_private();
    let cli = Cli::parse();
    let terminal = Terminal::detect(cli.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.error(&format!("can't start: {error}"), None);
            return Exit::Failed.into();
        }
    };
    let ended =
        cli::log::start(&terminal, cli.log_format).and_then(|()| runtime.block_on(cli::command::run(cli, &terminal)));
    // A source that waits on standard input is not waited for.
    runtime.shutdown_background();
    let exit = match ended {
        Ok(exit) => exit,
        Err(problem) => {
            problem.show(&terminal);
            problem.exit
        }
    };
    // What was done is done; but who asked to see it has not seen it.
    match terminal.output_error() {
        Some(error) => {
            terminal.error(&format!("standard output cannot be written: {error}"), None);
            if exit == Exit::Success { Exit::Failed } else { exit }.into()
        }
        None => exit.into(),
    }
}

/// Files that this process makes may hold customers' data: their owner alone may read them. The host says so for each of its
/// own; SQLite and database drivers make theirs as the umask says.
#[cfg(unix)]
fn make_files_private() {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

#[cfg(not(unix))]
fn make_files_private() {}

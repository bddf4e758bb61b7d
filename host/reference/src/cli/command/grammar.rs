//! `completions` and `man`: the command line's own grammar, for shells and for `man`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use destination_host::report::exit::Exit;

use crate::cli::arguments::Cli;
use crate::cli::problem::Problem;

pub(super) fn completions(shell: Shell) -> Result<Exit, Problem> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)
}

/// All commands on one page, the way they are looked for.
pub(super) fn manual() -> Result<Exit, Problem> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let rendered =
        clap_mangen::Man::new(command.clone()).render(&mut page).and_then(|()| sections(&command, "", &mut page));
    rendered.map_err(|error| Problem::new(Exit::Failed, format!("cannot write the manual: {error}")))?;
    print(&page)
}

/// A section for each command below this one, and for theirs.
fn sections(command: &clap::Command, path: &str, page: &mut Vec<u8>) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let path = format!("{path} {}", command.get_name());
        let man = clap_mangen::Man::new(command.clone());
        writeln!(page, ".SH {}", path.trim().to_uppercase())?;
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        sections(command, &path, page)?;
    }
    Ok(())
}

fn print(bytes: &[u8]) -> Result<Exit, Problem> {
    match io::stdout().lock().write_all(bytes) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(Exit::Failed, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(Exit::Success),
    }
}

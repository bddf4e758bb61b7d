//! A question at the terminal, before something that nobody can take back.

use std::io::{self, BufRead, IsTerminal, Write};

use destination_host::report::exit::Exit;

use crate::cli::problem::Problem;

/// Asks the person at the terminal. Where there is none, nobody has agreed.
pub(crate) fn agree(yes: bool, question: &str, refused: &str) -> Result<(), Problem> {
    if yes {
        return Ok(());
    }
    let no = |message: String| Err(Problem::new(Exit::Usage, message).hint("--yes does it without a question"));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return no(format!("{refused}: there is no terminal to ask at"));
    }
    eprint(&format!("{question} [y/N] "));
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => no(refused.to_owned()),
    }
}

/// A question: text without a line's end.
fn eprint(text: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).is_err() {
        tracing::debug!("standard error is closed");
    }
}

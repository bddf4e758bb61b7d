//! `fake`: a Talon.One on this machine, until a signal ends it.

use destination_host::report::exit::Exit;
use fake_talon_one::{Fake, Settings};

use crate::cli::problem::Problem;
use crate::cli::signal;
use crate::cli::terminal::{Style, Terminal, paint};

/// The keys that it takes. They open nothing but the fake.
const API_KEY: &str = "demo-key";
const MANAGEMENT_KEY: &str = "demo-management-key";

pub(super) async fn run(port: u16, any_attributes: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let failed = |error: std::io::Error| Problem::new(Exit::Failed, format!("can't run the fake Talon.One: {error}"));
    let settings = Settings::demo(API_KEY).management_key(MANAGEMENT_KEY).port(port);
    let fake = Fake::start(if any_attributes { settings.any_attributes() } else { settings }).map_err(failed)?;
    // The first line is the URL alone, for scripts.
    terminal.stdout(fake.url());
    terminal.stderr("A Talon.One to try things on. It forgets everything when it ends: Ctrl-C ends it.");
    let variables = format!(
        "  export TALON_ONE_URL={} TALON_ONE_API_KEY={API_KEY} TALON_ONE_MANAGEMENT_KEY={MANAGEMENT_KEY}",
        fake.url()
    );
    terminal.stderr(&paint(Style::Faint, &variables));
    signal::wait().await.map_err(failed)?;
    let snapshot = fake.snapshot();
    terminal.stderr(&format!(
        "it got {} requests and holds {} profiles",
        fake.requests().len(),
        snapshot.profiles().len()
    ));
    Ok(Exit::Success)
}

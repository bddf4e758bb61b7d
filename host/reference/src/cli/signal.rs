//! Ctrl-C and a polite kill (on Windows Ctrl-Break and the closed window; it has no signal for another process): the first asks the run to finish what is in flight, the second ends the process at once.

use std::io;

use destination_engine::stop::Stop;
use destination_host::report::exit::Exit;

use crate::cli::terminal::Terminal;

/// Heeds signals from now on.
pub(crate) fn listen(stop: &Stop, terminal: &Terminal) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let (stop, terminal) = (stop.clone(), terminal.clone());
    tokio::spawn(async move {
        let name = signals.next().await;
        stop.ask(name);
        terminal.stderr(&format!("{name}: finishing what is in flight; once more to stop at once"));
        signals.next().await;
        std::process::exit(Exit::Failed.code().into());
    });
    Ok(())
}

/// Waits for a signal.
#[cfg(feature = "demo")]
pub(crate) async fn wait() -> io::Result<()> {
    Signals::new()?.next().await;
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(windows)]
struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self { ctrl_c: ctrl_c()?, ctrl_break: ctrl_break()?, close: ctrl_close()? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.ctrl_c.recv() => "Ctrl-C",
            _ = self.ctrl_break.recv() => "Ctrl-Break",
            _ = self.close.recv() => "closing the window",
        }
    }
}

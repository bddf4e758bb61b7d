//! For tests that need a process to themselves: what the environment says and who listens to the log is one for all that
//! run in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

/// The command that runs one ignored test of this crate by itself, with none of the proxies that are set here.
pub(crate) fn test(path: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", path, "--ignored", "--nocapture"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        child.env_remove(name).env_remove(name.to_uppercase());
    }
    child
}

//! `conform`: a plugin by every rule of the contract, for people and for machines.

use std::path::Path;

use destination_host::conform::report::{Outcome, Report};
use destination_host::conform::{Confirmation, ConformError, Trial, conform};
use destination_host::file;
use destination_host::report::exit::Exit;

use super::component::Component;
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};

/// Bytes of a config.
const MOST_CONFIG_BYTES: u64 = 4 << 20;

pub(super) async fn run(
    component: Option<&Path>,
    config: &Path,
    rows: Option<&Path>,
    confirmation: Option<Confirmation>,
    json: bool,
    terminal: &Terminal,
) -> Result<Exit, Problem> {
    let Component { bytes, name, .. } = match component {
        None => Component::inside(),
        Some(path) => Component::of_file(path)?,
    };
    let config_name = config.display().to_string();
    let text = file::read(config, MOST_CONFIG_BYTES)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned()))
        .map_err(|reason| Problem::new(Exit::Usage, format!("the config {config_name} {reason}")))?;
    let trial = Trial { component: &bytes, name: &name, config: &text, config_name: &config_name, rows, confirmation };
    let report = conform(trial).await?;
    if json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Problem::new(Exit::Failed, format!("the result can't be written: {error}")))?;
        terminal.data(&text);
    } else {
        show(&report, terminal);
    }
    Ok(if report.failed == 0 { Exit::Success } else { Exit::Failed })
}

fn show(report: &Report, terminal: &Terminal) {
    let plugin = report.plugin.as_ref().map_or_else(
        || report.component.clone(),
        |plugin| format!("{} {} ({})", plugin.name, plugin.version, report.component),
    );
    terminal.stdout(&paint(Style::Strong, &format!("{plugin} by {}", report.contract)));
    let mut group = "";
    for finding in &report.rules {
        if finding.group != group {
            group = finding.group;
            terminal.stdout("");
            terminal.stdout(&paint(Style::Strong, group));
        }
        let line = format!("{} {}", finding.rule, finding.title);
        match &finding.outcome {
            Outcome::Passed => terminal.stdout(&format!("  {} {line}", paint(Style::Good, "✔"))),
            Outcome::Skipped { reason } => {
                terminal.stdout(&format!("  - {line}"));
                terminal.stdout(&paint(Style::Faint, &format!("      skipped: {reason}")));
            }
            Outcome::Failed { faults } => {
                terminal.stdout(&format!("  {} {line}", paint(Style::Bad, "✘")));
                faults.iter().for_each(|fault| terminal.stdout(&format!("      {fault}")));
            }
        }
    }
    terminal.stdout("");
    let Report { passed, failed, skipped, .. } = report;
    terminal.stdout(&format!("{passed} passed, {failed} failed, {skipped} skipped"));
}

impl From<ConformError> for Problem {
    fn from(error: ConformError) -> Self {
        let exit = match &error {
            ConformError::Engine(_) | ConformError::Config { .. } | ConformError::Rows(_) => Exit::Usage,
            ConformError::Recorder(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

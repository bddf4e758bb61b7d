//! What stops a command: the message, its fix, and the exit code, for every error that the library has.

use std::path::Path;

use destination_engine::http::client::ClientError;
use destination_engine::plugin::LoadError;
use destination_engine::plugin::config::ConfigError;
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::runtime::EngineError;
use destination_host::fault::Fault;
use destination_host::pipeline::{Error as RunError, PreviewError, declared};
use destination_host::report::exit::Exit;
use destination_host::report::outcomes::OutcomesError;
use destination_host::report::{Failure, FailureKind};
use destination_host::source::SourceError;
use destination_host::state::StateError;

use crate::cli::terminal::Terminal;
use destination_host::human_format;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    message: String,
    hint: Option<String>,
    faults: Vec<Fault>,
}

impl Problem {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, faults: Vec::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Faults of a sync file.
    pub(crate) fn faults(sync: &Path, faults: Vec<Fault>) -> Self {
        if let [fault] = faults.as_slice() {
            let hint = fault.hint.clone();
            return Self { hint, ..Self::new(Exit::Usage, format!("{}: {fault}", sync.display())) };
        }
        let many = human_format::counted(faults.len() as u64, "fault");
        Self { faults, ..Self::new(Exit::Usage, format!("{} has {many}", sync.display())) }
    }

    /// Arguments that don't go together.
    pub(crate) fn usage(why: &str, faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::new(Exit::Usage, format!("these arguments can't be used where {why}")) }
    }

    /// Faults of several sync files.
    pub(crate) fn faults_of_several(mut files: Vec<(&Path, Vec<Fault>)>) -> Self {
        if files.len() == 1
            && let Some((path, faults)) = files.pop()
        {
            return Self::faults(path, faults);
        }
        let many = human_format::counted(files.len() as u64, "sync file");
        let in_file = |path: &Path, fault: Fault| {
            let place = if fault.path.is_empty() { String::new() } else { format!(": {}", fault.path) };
            Fault { path: format!("{}{place}", path.display()), ..fault }
        };
        let faults =
            files.into_iter().flat_map(|(path, faults)| faults.into_iter().map(move |fault| in_file(path, fault)));
        Self { faults: faults.collect(), ..Self::new(Exit::Usage, format!("{many} have faults")) }
    }

    /// A run that did not begin.
    pub(crate) fn run(sync: &Path, error: RunError) -> Self {
        match error {
            RunError::Faults(faults) | RunError::Files(faults) => Self::faults(sync, faults),
            RunError::Source(error) => error.into(),
            RunError::State(error) => error.into(),
            RunError::Config(error) => error.into(),
            RunError::Output { .. } | RunError::Outcomes(OutcomesError::File { .. }) => {
                Self::new(Exit::Usage, error.to_string())
            }
            RunError::Outcomes(OutcomesError::Database(ref database)) => {
                let exit = if database.usage { Exit::Usage } else { Exit::Failed };
                Self { hint: database.hint.clone(), ..Self::new(exit, error.to_string()) }
            }
            RunError::Destination(failure) => failure.into(),
            RunError::NotThere { .. } => Self::new(Exit::Failed, error.to_string())
                .hint("`destination-host provision` creates it; a dry run and a look create nothing"),
            RunError::Interrupted(_) => Self::new(Exit::Failed, error.to_string()),
            RunError::Engine(message) => Self::new(Exit::Failed, message),
        }
    }

    /// A preview that shows nothing.
    pub(crate) fn preview(sync: &Path, error: PreviewError) -> Self {
        match error {
            PreviewError::Run(error) => Self::run(sync, error),
            PreviewError::Call(error) => error.into(),
            PreviewError::Rows(message) => Self::new(Exit::Usage, message),
        }
    }

    /// What is wrong, in words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What is wrong and how to fix it, in one line.
    pub(crate) fn in_one_line(&self) -> String {
        let faults = self.faults.iter().flat_map(|fault| [Some(fault.to_string()), fault.hint.clone()]);
        let parts = [Some(self.message.clone()), self.hint.clone()].into_iter().chain(faults);
        parts.flatten().collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn show(&self, terminal: &Terminal) {
        terminal.error(&self.message, self.hint.as_deref());
        terminal.faults(&self.faults);
    }
}

/// What the destination, or the plugin, had to say.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let exit = if failure.kind == FailureKind::Configuration { Exit::Usage } else { Exit::Failed };
        let cause = failure.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self { hint: failure.hint, ..Self::new(exit, format!("{}{cause}", failure.message)) }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        let exit = if error.absent { Exit::Usage } else { Exit::Failed };
        let hint = error.hint.clone();
        Self { hint, ..Self::new(exit, error.to_string()) }
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        // Another target, or a path at which no file can be, is a fault of the sync file; all else is one of the state.
        let exit = match error {
            StateError::OtherTarget { .. } | StateError::NotRegular { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string()).hint(error.hint())
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        let problem = Self::new(Exit::Usage, error.to_string());
        let hint = match error {
            ConfigError::Untrusted(asked) => declared::untrusted(&asked).hint,
            _ => None,
        };
        Self { hint, ..problem }
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

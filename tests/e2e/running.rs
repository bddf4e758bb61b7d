//! A command that is still running, to be signalled, killed or waited for.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::harness::TestEnv;

/// How long to wait for what must come. Long, because only a broken test waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A command whose standard error is read as it comes.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(env: &TestEnv, arguments: &[&str]) -> Self {
        Self::spawn(env.command(arguments).stdin(Stdio::null()))
    }

    /// Starts a command that reads its standard input.
    pub(crate) fn with_input(env: &TestEnv, arguments: &[&str]) -> (Self, ChildStdin) {
        let mut running = Self::spawn(env.command(arguments).stdin(Stdio::piped()));
        let input = running.child.stdin.take().expect("a pipe");
        (running, input)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the command line starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, stderr }
    }

    /// Starts a command, and returns once the server has seen so many requests more.
    pub(crate) fn until(env: &TestEnv, arguments: &[&str], requests: usize) -> Self {
        let before = env.fake.requests().len();
        let running = Self::start(env, arguments);
        env.fake.wait_for(before + requests, PATIENCE).expect("the requests come");
        running
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Reads the next line of standard error.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.stderr.read_line(&mut line).expect("UTF-8"), 0, "it says nothing more");
        line
    }

    /// Reads what it says until it says this.
    pub(crate) fn says(&mut self, text: &str) {
        while !self.line().contains(text) {}
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_some()
    }

    /// Ends it without a chance to do anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }

    /// Waits for its end: the exit code, none where a signal ended it, and what it still said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), rest)
    }
}

//! What a plugin writes to standard output and standard error: dropped, or handed on line by line for who develops it.
//!
//! Dropped by default, because a plugin judges configs with their secrets in them ([`crate::plugin::Plugin::validate_config`]) and
//! could spell one out in pieces that no redaction finds.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::redaction::Redaction;

/// Takes a line of a plugin's output. It may be called from any thread.
pub type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Bytes of one instance's output that are handed on: a traceback is some kilobytes.
const MOST: usize = 1 << 20;

/// Bytes of a line; what is longer is cut into lines.
const LONGEST_LINE: usize = 4096;

/// Bytes that a plugin may write at once.
const PERMIT: usize = 64 * 1024;

/// The output of one instance. Both of its streams are clones of it.
#[derive(Clone)]
pub(crate) struct Output(Option<Arc<Mutex<Lines>>>);

struct Lines {
    sink: Sink,
    redaction: Redaction,
    /// What was written since the last line break.
    begun: Vec<u8>,
    said: usize,
}

impl Output {
    /// Output goes to the sink, where there is one, without these values.
    pub(crate) fn new(sink: Option<Sink>, redaction: Redaction) -> Self {
        Self(sink.map(|sink| Arc::new(Mutex::new(Lines { sink, redaction, begun: Vec::new(), said: 0 }))))
    }
}

impl Lines {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' || self.begun.len() >= LONGEST_LINE {
                self.end_line();
            }
            if byte != b'\n' {
                self.begun.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        let before = self.said;
        self.said = self.said.saturating_add(self.begun.len()).saturating_add(1);
        if self.said <= MOST {
            let mut line = String::from_utf8_lossy(&self.begun).into_owned();
            self.redaction.apply(&mut line);
            (self.sink)(line.trim_end_matches('\r'));
        } else if before <= MOST {
            (self.sink)("… (what the plugin writes after its first MiB is left out)");
        }
        self.begun.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.end_line();
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    /// For WASI 0.3, which is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if let Some(lines) = &self.0 {
            lines.lock().unwrap_or_else(PoisonError::into_inner).write(&bytes);
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        // A plugin that writes without end must not keep others from running.
        tokio::task::yield_now().await;
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn written(parts: &[&[u8]]) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink: Sink = Arc::new({
            let lines = Arc::clone(&lines);
            move |line: &str| lines.lock().unwrap().push(line.to_owned())
        });
        let mut output = Output::new(Some(sink), Redaction::of([("s3cret", "[hidden]")]));
        for part in parts {
            OutputStream::write(&mut output, Bytes::copy_from_slice(part)).unwrap();
        }
        drop(output);
        Arc::try_unwrap(lines).unwrap().into_inner().unwrap()
    }

    #[test]
    fn lines_are_whole_and_without_secrets() {
        assert_eq!(written(&[b"one\ntw", b"o\r\n\nkey s3c", b"ret"]), ["one", "two", "", "key [hidden]"]);
        assert_eq!(written(&[b"\xff\n"]), ["\u{fffd}"]);
        assert!(written(&[]).is_empty());
    }

    #[test]
    fn there_is_an_end_to_them() {
        let long = vec![b'x'; 3 * MOST];
        let lines = written(&[&long]);
        assert!(lines.iter().map(String::len).sum::<usize>() < MOST + 1000);
        assert!(lines.last().unwrap().contains("left out"));
    }
}

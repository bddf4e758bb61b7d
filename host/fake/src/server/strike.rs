//! What a fault does to a request, instead of or along with its proper treatment.

use std::time::{Duration, SystemTime};

use hyper::Version;
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderValue, RETRY_AFTER};

use crate::api::error_body::ErrorBody;
use crate::faults::fault::{Answer, Fault, Kind, RetryAfter};
use crate::lock::lock;
use crate::server::exchange::Exchange;
use crate::server::reply::{self, Ended, Reply};

impl Exchange {
    pub(crate) async fn struck(self, fault: Fault) -> Result<Reply, Ended> {
        let name = Some(fault.kind.name());
        if fault.applied && !fault.kind.is_proper() {
            // Only what it does to the deployment is wanted, not what it says.
            drop(self.judged());
        }
        let scripted = |reply: Reply| {
            self.note(Some(reply.status()), name);
            Ok(reply)
        };
        match fault.kind {
            Kind::Pass => Ok(self.proper(None)),
            Kind::Answer(answer) => scripted(self.scripted(&answer)),
            Kind::Stall { status } => scripted(reply::stalled(status.code(), self.shared.stopped())),
            Kind::CutShort { status } => scripted(reply::cut_short(status.code())),
            Kind::Oversized { status, megabytes } => scripted(reply::oversized(status.code(), megabytes)),
            Kind::Compressed { status } => scripted(reply::compressed(status.code())),
            Kind::EchoKey { status } => {
                let key = self.head.headers.get(AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
                let message = format!("cannot handle a request with Authorization: {}", String::from_utf8_lossy(key));
                scripted(reply::error(&ErrorBody::plain(status.code(), message)))
            }
            Kind::Truncated { bytes } => Ok(reply::truncated(self.proper(name), bytes)),
            Kind::BrokenOff { bytes } => Ok(reply::broken_off(self.proper(name), bytes)),
            Kind::Moved(movement) => {
                let reply = self.proper(name);
                lock(&self.shared.deployment).move_members(&movement);
                Ok(reply)
            }
            Kind::Goodbye => {
                let mut reply = self.proper(name);
                if self.head.version == Version::HTTP_2 {
                    self.line.say_goodbye().await;
                } else {
                    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok(reply)
            }
            Kind::Slow { millis } => {
                let reply = self.proper(name);
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(millis)) => Ok(reply),
                    () = self.shared.stopped() => Err(Ended),
                }
            }
            Kind::Hold => {
                // Before the request is noted: whoever has seen it can then let it go.
                let released = self.shared.released();
                let reply = self.proper(name);
                tokio::select! {
                    () = released => Ok(reply),
                    () = self.shared.stopped() => Err(Ended),
                }
            }
            Kind::Hang => {
                self.note(None, name);
                self.shared.stopped().await;
                Err(Ended)
            }
            Kind::Reset => {
                self.note(None, name);
                // Where the socket can't be reset it is already gone, which looks the same from the other side.
                let _: Result<_, _> = self.line.reset();
                Err(Ended)
            }
            Kind::HalfClose => {
                self.note(None, name);
                let _: Result<_, _> = self.line.half_close();
                self.shared.stopped().await;
                Err(Ended)
            }
        }
    }

    fn scripted(&self, answer: &Answer) -> Reply {
        let status = answer.status.code();
        let mut reply = match &answer.body {
            Some(body) => reply::text(status, body.content_type.value(), body.text.clone()),
            None if status.is_success() => reply::empty(status),
            None => {
                let message = status.canonical_reason().unwrap_or("Scripted");
                reply::error(&ErrorBody::plain(status, message))
            }
        };
        if let Some(when) = &answer.retry_after {
            reply.headers_mut().insert(RETRY_AFTER, self.retry_after(when));
        }
        reply
    }

    fn retry_after(&self, when: &RetryAfter) -> HeaderValue {
        match when {
            RetryAfter::Seconds(seconds) => HeaderValue::from(*seconds),
            RetryAfter::Raw(text) => text.value(),
            RetryAfter::DateIn(seconds) => {
                let now = self.shared.settings.clock.now().wall;
                let distance = Duration::from_secs(u64::from(seconds.unsigned_abs()));
                let date = if *seconds < 0 { now - distance } else { now + distance };
                // HTTP dates begin in 1970. They are plain text, so the other case is none.
                let text = httpdate::fmt_http_date(date.max(SystemTime::UNIX_EPOCH));
                HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("0"))
            }
        }
    }
}

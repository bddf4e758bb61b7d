//! The members of an audience, page by page, in the memory of one page.
//!
//! Talon.One exports all of them in one answer. It is kept open from one page to the next, as a cache: a cursor says how far it was
//! read, with a hash of what came before. Whoever has another answer, or none, asks again, skips as much and compares the hash. So a
//! listing is never put together from two exports that differ, and any instance can go on with it.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use destination_toolkit::bindings::inspection::KeyPage;
use destination_toolkit::bindings::{Failure, Problem, ProblemKind};
use destination_toolkit::clock::Clock;
use destination_toolkit::columns::Packed;
use destination_toolkit::http::{BodyReader, Network, TransportError, TransportErrorKind};
use destination_toolkit::problem::{self, problem};

use crate::api::client::{self, Management};
use crate::api::export::{self, Line};
use crate::api::page::{PIECE, ReadFault};
use crate::api::{management, message};
use crate::config::{AudienceId, Config};
use crate::mapping;

/// Where a page ends: at so many keys, or at the key that takes it past so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageSize {
    keys: usize,
    bytes: usize,
}

/// A megabyte crosses the border in a millisecond, and is little beside what an instance takes anyway.
pub(super) const PAGE_SIZE: PageSize = PageSize { keys: 65_536, bytes: 1024 * 1024 };

/// Bytes that have to come within the time of a request, however long the export is.
const STRETCH: usize = 1024 * 1024;

/// An export that was read as far as a cursor says.
pub(super) struct OpenListing {
    target: Target,
    cursor: Cursor,
    export: Export,
}

/// Whose members they are.
#[derive(Clone, Debug, PartialEq)]
struct Target {
    deployment: String,
    audience: AudienceId,
}

/// How far an export was read: up to the end of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cursor {
    /// Bytes.
    offset: u64,
    /// Of these bytes.
    hash: u64,
    /// Lines, the header among them.
    lines: u64,
}

impl Cursor {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let cursor = Self {
            offset: parts.next()?.parse().ok()?,
            hash: u64::from_str_radix(parts.next()?, 16).ok()?,
            lines: parts.next()?.parse().ok()?,
        };
        (parts.next().is_none() && cursor.to_string() == text).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:016x}-{}", self.offset, self.hash, self.lines)
    }
}

/// A page. `open` holds what the last one left open, and gets what this one does.
///
/// # Errors
/// The config names no audience or no key to ask with, the members changed meanwhile, the export was cut short, or Talon.One did
/// not answer as documented.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn page(
    config: &Config,
    cursor: Option<&str>,
    size: PageSize,
    open: &mut Option<OpenListing>,
    network: &mut dyn Network,
    clock: &mut dyn Clock,
) -> Result<KeyPage, Failure> {
    let kept = open.take();
    if config.object == crate::config::Object::Unresolved {
        return Err(mapping::unresolved());
    }
    let audience = config
        .object
        .audience()
        .ok_or_else(|| problem::configuration("the members of an audience can be listed: customer profiles can't"))?;
    let mut listing = Listing {
        target: Target { deployment: config.deployment_url.to_string(), audience },
        config,
        size,
        management: Management::new(config, network, clock)
            .ok_or_else(|| client::no_management_key("the members of an audience are listed with it"))?,
    };
    let Some(text) = cursor else {
        let total = listing.count()?;
        let mut export = listing.open()?;
        let keys = listing.keys(&mut export)?;
        return Ok(listing.end(open, export, keys, total));
    };
    let cursor = Cursor::parse(text).ok_or_else(|| problem::internal("the cursor is not one of this plugin's"))?;
    if let Some(mut kept) = kept.filter(|kept| kept.target == listing.target && kept.cursor == cursor) {
        match listing.keys(&mut kept.export) {
            Ok(keys) => return listing.after(open, kept.export, keys),
            // It was open for as long as nobody asked: what broke meanwhile is asked for again.
            Err(Failure::Transient(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    let mut export = listing.open_at(cursor)?;
    let keys = listing.keys(&mut export)?;
    listing.after(open, export, keys)
}

struct Listing<'a> {
    target: Target,
    config: &'a Config,
    size: PageSize,
    management: Management<'a>,
}

impl Listing<'_> {
    /// How many members Talon.One counts.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn count(&mut self) -> Result<Option<u64>, Failure> {
        let audience = self.target.audience;
        let request = |_, _| management::analytics(audience);
        let mut count = None;
        self.management.pages(&request, &mut |analytics| {
            if analytics.whole_number("audienceId")? == audience.number() && analytics.get("membersCount").is_some() {
                let members = u64::try_from(analytics.whole_number("membersCount")?);
                count = Some(members.map_err(|_| analytics.fault("membersCount", "a number that is not negative"))?);
            }
            Ok(())
        })?;
        Ok(count)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn open(&mut self) -> Result<Export, Failure> {
        let (status, body) = self.management.open(&management::export(self.target.audience), &[200, 404])?;
        if status == 404 {
            let message = message::audience_not_found(self.config, self.target.audience);
            return Err(Failure::Permanent(Problem {
                status: Some(status),
                ..problem(ProblemKind::NotFound, message)
            }));
        }
        Ok(Export { body, buffer: Vec::new(), at: 0, ended: false, offset: 0, hasher: DefaultHasher::new(), lines: 0 })
    }

    /// An export that was read as far as this; what came before must be the same.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn open_at(&mut self, cursor: Cursor) -> Result<Export, Failure> {
        let mut export = self.open()?;
        let mut stretch = self.stretch();
        while export.offset < cursor.offset {
            if export.unread().is_empty() && !self.more(&mut export, &mut stretch)? {
                break;
            }
            let rest = usize::try_from(cursor.offset - export.offset).unwrap_or(usize::MAX);
            export.consume(export.unread().len().min(rest));
        }
        if (export.offset, export.hasher.finish()) != (cursor.offset, cursor.hash) {
            return Err(self.changed());
        }
        export.lines = cursor.lines;
        Ok(export)
    }

    /// The keys of the next page.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn keys(&mut self, export: &mut Export) -> Result<Packed, Failure> {
        let mut keys = Packed::with_capacity(0, 0);
        let mut count = 0;
        let mut stretch = self.stretch();
        while count < self.size.keys && keys.data().len() < self.size.bytes {
            let line = export::line(export.unread(), export.lines + 1);
            let Line::Whole(key, length) = line.map_err(|fault| self.fault(ReadFault::Form(fault)))? else {
                if self.more(export, &mut stretch)? {
                    continue;
                }
                if export.lines > 0 && export.unread().is_empty() {
                    break;
                }
                let detail = "the export ends within a line".to_owned();
                return Err(self.fault(ReadFault::Broken(TransportError { kind: TransportErrorKind::Reset, detail })));
            };
            if export.lines > 0 {
                keys.data().push_str(&key);
                count += usize::from(keys.keep());
            }
            drop(key);
            export.lines += 1;
            export.consume(length);
        }
        Ok(keys)
    }

    /// Read on. False at the end.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn more(&mut self, export: &mut Export, stretch: &mut Stretch) -> Result<bool, Failure> {
        let piece =
            if export.ended { None } else { export.body.read(PIECE).map_err(|e| self.fault(ReadFault::Broken(e)))? };
        let Some(piece) = piece else {
            export.ended = true;
            return Ok(false);
        };
        let now = self.management.clock().now_ms();
        stretch.bytes += piece.len();
        if now.saturating_sub(stretch.began) > self.config.timeouts.request {
            let detail = format!("{} bytes took longer", stretch.bytes);
            return Err(self.fault(ReadFault::Broken(TransportError { kind: TransportErrorKind::Timeout, detail })));
        }
        if stretch.bytes >= STRETCH {
            *stretch = Stretch { bytes: 0, began: now };
        }
        export.push(&piece);
        Ok(true)
    }

    /// The page after the first.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn after(&mut self, open: &mut Option<OpenListing>, mut export: Export, keys: Packed) -> Result<KeyPage, Failure> {
        let mut stretch = self.stretch();
        if export.unread().is_empty() && !self.more(&mut export, &mut stretch)? {
            return Ok(KeyPage { keys: keys.into_strings(), next: None, total: self.count()? });
        }
        Ok(self.end(open, export, keys, None))
    }

    /// A page behind which another one comes, even if there are no more keys for it.
    fn end(&mut self, open: &mut Option<OpenListing>, export: Export, keys: Packed, total: Option<u64>) -> KeyPage {
        let cursor = Cursor { offset: export.offset, hash: export.hasher.finish(), lines: export.lines };
        *open = Some(OpenListing { target: self.target.clone(), cursor, export });
        KeyPage { keys: keys.into_strings(), next: Some(cursor.to_string()), total }
    }

    fn stretch(&mut self) -> Stretch {
        Stretch { bytes: 0, began: self.management.clock().now_ms() }
    }

    fn fault(&self, fault: ReadFault) -> Failure {
        self.management.failure(&management::export(self.target.audience), fault)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn changed(&self) -> Failure {
        let message = format!(
            "the members of audience {} changed while they were listed, so that the pages do not fit together: list them again from \
             the first page",
            self.target.audience.number()
        );
        Failure::Permanent(problem(ProblemKind::Refused, message))
    }
}

/// What came since a moment.
struct Stretch {
    bytes: usize,
    began: u64,
}

/// An export that is being read.
struct Export {
    body: Box<dyn BodyReader>,
    /// What was read of the body, from `at` on still to be looked at.
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    /// Bytes that were looked at.
    offset: u64,
    /// Of these bytes.
    hasher: DefaultHasher,
    lines: u64,
}

impl Export {
    fn unread(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(piece);
    }

    fn consume(&mut self, bytes: usize) {
        let end = self.at + bytes;
        self.hasher.write(self.buffer.get(self.at..end).unwrap_or_default());
        self.at = end;
        self.offset += bytes as u64;
    }
}

#[cfg(test)]
mod tests;

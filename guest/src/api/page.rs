//! A page of a list, `{"data": […], "hasMore": …, "totalResultSize": …}`, read piece by piece: of the elements one is in memory at a
//! time, however many there are and however long the page is.

use destination_toolkit::http::{BodyReader, TransportError};

use super::object::Object;

/// Bytes that are asked for at a time.
pub(crate) const PIECE: usize = 64 * 1024;

/// Bytes of one element. A profile with all that it may hold is far smaller.
const LONGEST_ELEMENT: usize = 4 * 1024 * 1024;

/// Bytes of what is around the elements.
const LONGEST_ENVELOPE: usize = 16 * 1024;

/// Why a page could not be read.
#[derive(Debug)]
pub(crate) enum ReadFault {
    /// The connection.
    Broken(TransportError),
    /// The answer has another form than is documented, and in what.
    Form(String),
}

/// What a page says of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Elements of this page.
    pub(crate) count: usize,
    has_more: Option<bool>,
    total: Option<i64>,
}

impl Envelope {
    /// Whether another page follows, where `skipped` elements came before this one and a full page has `page_size`.
    ///
    /// # Errors
    /// The page contradicts itself: reading on would not end, or miss elements.
    pub(crate) fn more(&self, skipped: usize, page_size: usize) -> Result<bool, String> {
        let so_far = skipped + self.count;
        let more = match (self.has_more, self.total) {
            (Some(has_more), _) => has_more,
            (None, Some(total)) => i64::try_from(so_far).is_ok_and(|so_far| so_far < total),
            (None, None) => self.count >= page_size,
        };
        match self.count {
            0 if more => Err(format!("a page without elements, after {so_far} of them, says that there are more")),
            count if count > page_size => Err(format!("a page of {count} elements: expected at most {page_size}")),
            _ => Ok(more),
        }
    }
}

/// Read a whole page; `each` gets the JSON of every element.
///
/// # Errors
/// See [`ReadFault`]; some elements may have been handed on by then.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn read(
    body: &mut dyn BodyReader,
    each: &mut dyn FnMut(&str) -> Result<(), String>,
) -> Result<Envelope, ReadFault> {
    let mut page = Page::default();
    while let Some(piece) = body.read(PIECE).map_err(ReadFault::Broken)? {
        page.push(&piece, each).map_err(ReadFault::Form)?;
    }
    page.finish().map_err(ReadFault::Form)
}

/// Where in the page the next byte is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Around the elements.
    #[default]
    Envelope,
    /// In the list or one of its elements, so many brackets deep within it.
    Elements(usize),
}

#[derive(Default)]
struct Page {
    place: Place,
    /// Brackets that are open in the envelope.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// All bytes but the elements.
    envelope: Vec<u8>,
    element: Vec<u8>,
    /// Whether the list was found.
    found: bool,
    count: usize,
}

impl Page {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn push(&mut self, piece: &[u8], each: &mut dyn FnMut(&str) -> Result<(), String>) -> Result<(), String> {
        for byte in piece {
            self.next(*byte, each)?;
        }
        Ok(())
    }

    fn next(&mut self, byte: u8, each: &mut dyn FnMut(&str) -> Result<(), String>) -> Result<(), String> {
        let was_in_string = self.in_string;
        self.follow_string(byte);
        let structural = !was_in_string && !self.in_string;
        match self.place {
            Place::Elements(0) if structural && byte == b']' => {
                // `[]` has no element, and `[1,]` has one too few.
                if self.count > 0 || !self.element.trim_ascii().is_empty() {
                    self.end_element(each)?;
                }
                self.element.clear();
                self.place = Place::Envelope;
                self.envelope.push(byte);
            }
            Place::Elements(0) if structural && byte == b',' => self.end_element(each)?,
            Place::Elements(depth) => {
                self.element.push(byte);
                if self.element.len() > LONGEST_ELEMENT {
                    return Err(format!("element {} is longer than {LONGEST_ELEMENT} bytes", self.count));
                }
                let depth = match byte {
                    b'[' | b'{' if structural => depth + 1,
                    b']' | b'}' if structural => depth.saturating_sub(1),
                    _ => depth,
                };
                self.place = Place::Elements(depth);
            }
            Place::Envelope => {
                if structural && byte == b'[' && self.depth == 1 && self.is_at_the_list() {
                    if self.found {
                        return Err("\"data\" is there twice".to_owned());
                    }
                    self.found = true;
                    self.place = Place::Elements(0);
                } else if structural {
                    match byte {
                        b'[' | b'{' => self.depth += 1,
                        b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                }
                self.envelope.push(byte);
                if self.envelope.len() > LONGEST_ENVELOPE {
                    return Err(self.not_a_list());
                }
            }
        }
        Ok(())
    }

    fn follow_string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'"' {
            self.in_string = !self.in_string;
        } else if byte == b'\\' && self.in_string {
            self.escaped = true;
        }
    }

    /// Whether the next value is that of the member `data`.
    fn is_at_the_list(&self) -> bool {
        let before = self.envelope.trim_ascii_end().strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        let before = before.and_then(|before| before.strip_suffix(b"\"data\"")).map(<[u8]>::trim_ascii_end);
        before.is_some_and(|before| before.ends_with(b"{") || before.ends_with(b","))
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn end_element(&mut self, each: &mut dyn FnMut(&str) -> Result<(), String>) -> Result<(), String> {
        let of_element = |fault: String| format!("element {} of \"data\": {fault}", self.count);
        let text = str::from_utf8(&self.element).map_err(|_| of_element("it is not UTF-8".to_owned()))?;
        each(text).map_err(of_element)?;
        self.element.clear();
        self.count += 1;
        Ok(())
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn finish(self) -> Result<Envelope, String> {
        let envelope = str::from_utf8(&self.envelope).map_err(|_| self.not_a_list())?;
        if !self.found || self.place != Place::Envelope {
            return Err(self.not_a_list());
        }
        let envelope = Object::read(envelope).map_err(|_| self.not_a_list())?;
        let total = envelope.get("totalResultSize").map(|_| envelope.whole_number("totalResultSize")).transpose()?;
        Ok(Envelope { count: self.count, has_more: envelope.optional_boolean("hasMore")?, total })
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn not_a_list(&self) -> String {
        if self.found {
            "the list breaks off".to_owned()
        } else {
            "it is not a JSON object with a list \"data\"".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;

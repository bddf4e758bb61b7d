//! Pieces of a body made one.

use bytes::{Bytes, BytesMut};

/// A single piece, the usual case, is not copied.
#[derive(Default)]
pub(crate) struct Joined {
    first: Bytes,
    rest: BytesMut,
}

impl Joined {
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
        } else {
            self.rest.extend_from_slice(&data);
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.first.len() + self.rest.len());
        whole.extend_from_slice(&self.first);
        whole.extend_from_slice(&self.rest);
        whole.freeze()
    }
}

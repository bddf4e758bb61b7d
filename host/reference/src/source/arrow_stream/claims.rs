//! What a message claims beyond the bytes that came: the length of each compressed buffer once it is unpacked, and the number of
//! rows. The decoder makes room for the one and believes the other, and room that can't be had ends the process.

use arrow_ipc::{Message, RecordBatch};

/// Bytes of a batch once it is unpacked.
const MOST_UNPACKED: u64 = super::MOST_BODY;
/// Rows of a batch: of columns without values, which take no bytes, there could be any number.
const MOST_ROWS: i64 = 1 << 31;

/// Refuses a message whose batch claims more than a batch may have. `body`: the values that came with it.
pub(super) fn check(message: Message<'_>, body: &[u8]) -> Result<(), String> {
    let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = message.header_as_record_batch().or(dictionary) else { return Ok(()) };
    if !(0..=MOST_ROWS).contains(&batch.length()) {
        return Err(format!("a batch claims {} rows", batch.length()));
    }
    match unpacked(&batch, body) {
        Some(bytes) if bytes <= MOST_UNPACKED => Ok(()),
        Some(bytes) => Err(format!("a batch claims {bytes} bytes of values once they are unpacked")),
        None => Err("a batch claims values of a negative length".to_owned()),
    }
}

/// What the buffers of a compressed batch claim together; each begins with its own length, or -1 where it is not compressed.
/// Buffers that are not within the body are left to the decoder. None: a length that none can have.
fn unpacked(batch: &RecordBatch<'_>, body: &[u8]) -> Option<u64> {
    if batch.compression().is_none() {
        return Some(0);
    }
    let mut total = 0_u64;
    for buffer in batch.buffers().iter().flatten() {
        let start = usize::try_from(buffer.offset()).ok();
        let Some(claim) = start.and_then(|start| body.get(start..)?.first_chunk()) else { continue };
        let claim = match i64::from_le_bytes(*claim) {
            -1 => buffer.length(),
            claim => claim,
        };
        if buffer.length() > 0 {
            total = total.saturating_add(u64::try_from(claim).ok()?);
        }
    }
    Some(total)
}

//! How many numbers a run of delta-encoded integers claims to have, and where it ends: the format's `DELTA_BINARY_PACKED`, of which
//! the lengths of texts are made. The decoder makes room for as many before it has read one.
//!
//! A run is a header (numbers a block, miniblocks a block, numbers in all, the first number) and blocks of a smallest difference, a bit
//! width for each miniblock, and the miniblocks' bits. Miniblocks after the last number are left out.

/// What a run claims, and what comes after it. None where it ends too soon or makes no sense, which the decoder says better; a run
/// that claims more than `most` is not followed to its end.
pub(super) fn run(data: &[u8], most: u64) -> Option<(u64, &[u8])> {
    let (block, data) = number(data)?;
    let (miniblocks, data) = number(data)?;
    let (count, data) = number(data)?;
    let (_first, mut data) = number(data)?;
    if count > most {
        return Some((count, &[]));
    }
    let miniblocks = usize::try_from(miniblocks).ok()?;
    // Numbers in a miniblock: a multiple of 32, so that their bits are whole bytes.
    let numbers = block.checked_div(u64::try_from(miniblocks).ok()?).filter(|numbers| *numbers > 0)?;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let (_smallest, rest) = number(data)?;
        let (widths, mut rest) = rest.split_at_checked(miniblocks)?;
        for width in widths.iter().take(usize::try_from(left.div_ceil(numbers)).ok()?) {
            let bytes = numbers.checked_mul(u64::from(*width))? / 8;
            rest = rest.get(usize::try_from(bytes).ok()?..)?;
            left = left.saturating_sub(numbers);
        }
        data = rest;
    }
    Some((count, data))
}

/// A number of seven bits a byte, the low ones first.
fn number(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in data.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7F).checked_shl(u32::try_from(at).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, data.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_followed_to_its_end() {
        // 128 a block in 4 miniblocks, 3 numbers, the first 1; a block: smallest 0, widths 8 0 0 0, 32 bytes.
        let mut data = vec![0x80, 0x01, 4, 3, 2, 0, 8, 0, 0, 0];
        data.extend([7; 32]);
        data.extend(b"rest");
        assert_eq!(run(&data, 100), Some((3, &b"rest"[..])));
        assert_eq!(run(&data, 2), Some((3, &b""[..])));
        for length in 0..data.len() - 4 {
            assert_eq!(run(&data[..length], 100), None, "{length}");
        }
    }

    #[test]
    fn one_number_and_none_have_no_block() {
        assert_eq!(run(&[0x80, 0x01, 4, 1, 2, 9], 100), Some((1, &[9][..])));
        assert_eq!(run(&[0x80, 0x01, 4, 0, 0, 9], 100), Some((0, &[9][..])));
    }

    #[test]
    fn what_makes_no_sense_is_left_to_the_decoder() {
        for data in [&[0, 4, 3, 2, 0][..], &[0x80, 0x01, 0, 3, 2, 0], &[1, 4, 3, 2, 0, 0, 0, 0, 0], &[0xFF; 12]] {
            assert_eq!(run(data, 100), None, "{data:?}");
        }
    }
}

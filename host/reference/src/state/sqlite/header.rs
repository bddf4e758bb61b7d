//! Whether a file is a state file, told from its first bytes before SQLite is let near it.
//!
//! SQLite takes a file of 0 bytes for a new database. Here it is what a full disk leaves behind: taken for a first run,
//! it would forget every member. So a file that is there must prove what it is, and one that does not is left alone.

use super::schema::VERSION;
use crate::state::{Access, HeaderFault};

/// Bytes of a SQLite file's header.
pub(super) const LENGTH: usize = 100;
/// Says in the header that the file is one of ours: "DSTS", destination state.
pub(super) const APPLICATION_ID: u32 = 0x4453_5453;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Judges the first bytes of a file: [`LENGTH`] of them, or all where it is shorter.
pub(super) fn check(start: &[u8], access: Access) -> Result<(), HeaderFault> {
    if start.is_empty() {
        return Err(HeaderFault::Empty);
    }
    if start.iter().all(|&byte| byte == 0) {
        return Err(HeaderFault::Nul);
    }
    if start.len() < LENGTH || !start.starts_with(MAGIC) {
        return Err(HeaderFault::NotSqlite);
    }
    match (number(start, 68), number(start, 60)) {
        (APPLICATION_ID, VERSION) => Ok(()),
        (APPLICATION_ID, version) if version > VERSION => Err(HeaderFault::Newer(version, VERSION)),
        (APPLICATION_ID, version) if access == Access::Read => Err(HeaderFault::Older(version, VERSION)),
        (APPLICATION_ID, _) => Ok(()),
        _ => Err(HeaderFault::Foreign),
    }
}

/// A number of the header, which stands there most significant byte first.
fn number(header: &[u8], at: usize) -> u32 {
    header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(application: u32, version: u32) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.resize(60, 1);
        header.extend(version.to_be_bytes());
        header.extend([0; 4]);
        header.extend(application.to_be_bytes());
        header.resize(LENGTH, 0);
        header
    }

    #[test]
    fn only_our_own_version_passes() {
        for access in [Access::Read, Access::Write] {
            assert_eq!(check(&header(APPLICATION_ID, VERSION), access), Ok(()));
        }
        for (start, fault) in [
            (Vec::new(), HeaderFault::Empty),
            (vec![0; 17], HeaderFault::Nul),
            (vec![0; LENGTH], HeaderFault::Nul),
            (b"id,name\n".to_vec(), HeaderFault::NotSqlite),
            (MAGIC.to_vec(), HeaderFault::NotSqlite),
            (header(0, 0), HeaderFault::Foreign),
            (header(7, VERSION), HeaderFault::Foreign),
            (header(APPLICATION_ID, VERSION + 1), HeaderFault::Newer(VERSION + 1, VERSION)),
            (header(APPLICATION_ID, VERSION - 1), HeaderFault::Older(VERSION - 1, VERSION)),
        ] {
            assert_eq!(check(&start, Access::Read), Err(fault));
        }
        assert_eq!(check(&header(APPLICATION_ID, VERSION - 1), Access::Write), Ok(()), "it is brought up to date");
    }
}

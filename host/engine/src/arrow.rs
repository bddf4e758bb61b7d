//! Arrow record batches and the contract's columns ([`columns`]), what a plugin makes of them ([`records`]), and single values as
//! text or JSON ([`cell`]).

pub mod cell;
pub mod columns;
pub mod records;

//! Arrow record batches and the contract's columns ([`columns`]), what a plugin makes of them ([`records`]), and single values as
//! text or JSON ([`cell`]), with what that does not tell ([`untold`]).

pub mod cell;
pub mod columns;
pub mod records;
pub mod untold;

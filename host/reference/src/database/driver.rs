//! A driver's library: by its path, by the path of a manifest that names it, or by the name under which it is installed.

use std::ffi::OsStr;
use std::path::{Path, absolute};

use adbc_core::error::Error;
use adbc_core::options::{AdbcVersion, InfoCode, OptionDatabase, OptionValue};
use adbc_core::{Connection, Driver, LOAD_FLAG_DEFAULT};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedDriver};
use arrow_array::cast::AsArray;

use super::DatabaseError;
use crate::sync_file::{DatabaseSpec, is_manifest};

/// The function with which DuckDB's library begins. It is a library for other things too, and does not use the usual name.
const DUCKDB: &str = "duckdb_adbc_init";

/// Loads the driver and opens its database. Most drivers connect only later.
pub(crate) fn open(spec: &DatabaseSpec) -> Result<ManagedDatabase, DatabaseError> {
    let name = &spec.driver;
    let mut driver = load(spec).map_err(|error| {
        DatabaseError::of(name, "the database driver cannot be loaded", &error).usage(hint(spec, &error))
    })?;
    let options = spec
        .options
        .iter()
        .map(|(name, value)| (OptionDatabase::from(name.as_str()), OptionValue::String(value.clone())));
    driver.new_database_with_opts(options).map_err(|error| DatabaseError::of(name, "cannot be set up", &error))
}

fn load(spec: &DatabaseSpec) -> Result<ManagedDriver, Error> {
    let path = Path::new(&spec.driver);
    let entrypoint = spec.entrypoint.as_deref().map(str::as_bytes);
    let by_name =
        |name: &OsStr| ManagedDriver::load_from_name(name, entrypoint, AdbcVersion::V110, LOAD_FLAG_DEFAULT, None);
    if is_manifest(path) {
        return by_name(absolute(path).as_deref().unwrap_or(path).as_os_str());
    }
    if path.components().count() > 1 {
        return ManagedDriver::load_dynamic_from_filename(path, entrypoint, AdbcVersion::V110);
    }
    by_name(path.as_os_str())
}

fn hint(spec: &DatabaseSpec, error: &Error) -> String {
    let unknown_beginning = error.message.contains("AdbcDriverInit") || error.message.contains("undefined symbol");
    match &spec.entrypoint {
        None if unknown_beginning => format!(
            "name the function with which the library begins: for DuckDB, entrypoint = \"{DUCKDB}\""
        ),
        Some(_) if unknown_beginning => format!("check `entrypoint`; DuckDB's is \"{DUCKDB}\""),
        _ => "install it (for PostgreSQL: pip install adbc-driver-postgresql) and name the path of its library in `driver`"
            .to_owned(),
    }
}

/// The name that a database gives itself; `None` where its driver can't say.
pub(crate) fn vendor(connection: &ManagedConnection) -> Option<String> {
    let mut told = connection.get_info(Some([InfoCode::VendorName].into())).ok()?;
    let batch = told.next()?.ok()?;
    let values = batch.column_by_name("info_value")?.as_union_opt()?;
    let name = values.value(0);
    Some(name.as_string_opt::<i32>()?.iter().next()??.to_owned())
}

//! Sync files: any text is read or refused, and a variable's value is in no fault.
#![no_main]

use std::path::Path;

use destination_host::sync_file::Draft;
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "value-of-the-variable-4711";

fuzz_target!(|text: &str| {
    let variables = |name: &str| match name {
        "KEY" => Ok(SECRET.to_owned()),
        _ => Err(std::env::VarError::NotPresent),
    };
    let faults = match Draft::parse(text, Path::new("/nowhere"), &variables) {
        Ok(draft) => draft.finish().err().unwrap_or_default(),
        Err(faults) => faults,
    };
    for fault in faults {
        let path_is_secret = fault.path.contains(SECRET) || text.contains(SECRET);
        let told = format!("{} {:?}", fault.message, fault.hint);
        // What names a source, a state or an expression is shown to who wrote it; the plugin's settings never are.
        if fault.path.starts_with("destination") && !path_is_secret {
            assert!(!told.contains(SECRET), "{fault}");
        }
    }
});

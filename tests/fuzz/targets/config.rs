//! A plugin's config: any text is judged, and no fault repeats the key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// In no message of the plugin's own.
const KEY: &str = "s3cr3t-9f8e7d6c5b4a";

fuzz_target!(|text: &str| {
    let issues = talon_one_destination::validate_config(text);
    let Ok(Value::Object(mut config)) = serde_json::from_str(text) else {
        assert!(!issues.is_empty(), "what is no object is no config");
        return;
    };
    // What has no fault can be worked with.
    if issues.is_empty() {
        talon_one_destination::map_batch(text, &[], &[]).ok();
    }
    if let Some(Value::String(key)) = config.get_mut("api_key") {
        // Whatever kind of key it begins or ends like.
        let half = key.chars().count() / 2;
        *key = key.chars().take(half).chain(KEY.chars()).chain(key.chars().skip(half)).collect();
        for issue in talon_one_destination::validate_config(&Value::Object(config).to_string()) {
            let told = format!("{} {} {:?}", issue.path, issue.message, issue.hint);
            assert!(!told.contains(KEY), "the key is in {told}");
        }
    }
});

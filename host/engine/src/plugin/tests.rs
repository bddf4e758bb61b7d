#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::bindings::{Endpoint, SecretUse};
use crate::embedded;
use crate::limits::Limits;
use crate::plugin::runtime::CompileCache;

fn runtime() -> Runtime {
    Runtime::new(Limits::default(), CompileCache::User).unwrap()
}

async fn load(wat: &str) -> LoadError {
    Plugin::load(&runtime(), &wat::parse_str(wat).unwrap(), "test.wasm").await.unwrap_err()
}

const SOUND_EXPORT: &str = r#"(instance $d) (export "etl:destination/destination@0.1.0" (instance $d))"#;

#[tokio::test]
async fn what_is_not_granted_is_refused_by_name_with_what_to_do() {
    for (import, fix) in [
        ("wasi:http/incoming-handler@0.2.2", "a plugin serves no requests"),
        ("wasi:http/types@0.3.0", "build against WASI 0.2"),
        ("wasi:cli/environment@0.3.0", "build against WASI 0.2"),
        ("wasi:http/types", "has no version"),
        ("wasi:io/poll@0.20.0", "build against WASI 0.2"),
        ("wasi:keyvalue/store@0.2.0", "do without it"),
        ("evil:io/poll@0.2.2", "wac plug"),
    ] {
        let error = load(&format!(r#"(component (import "{import}" (instance)) {SOUND_EXPORT})"#)).await;
        let LoadError::NotGranted { imports, .. } = &error else { panic!("{error}") };
        assert_eq!(imports.iter().map(|forbidden| forbidden.import.as_str()).collect::<Vec<_>>(), [import]);
        let message = error.to_string();
        assert!(message.starts_with(&format!("test.wasm imports what no plugin is granted: {import} (")), "{message}");
        assert!(message.contains(fix), "{message}");
    }
}

/// Before it is compiled: what stands inside is not even valid.
#[tokio::test]
async fn all_that_is_not_granted_is_named_at_once() {
    let mut component = wat::parse_str(format!(
        r#"(component (import "a:b/c@1.0.0" (instance)) (import "wasi:io/poll@0.2.0" (instance)) (import "help" (func))
           {SOUND_EXPORT} (core module (func (export "x") (result i32) i32.const 7777)))"#
    ))
    .unwrap();
    let constant = [0x41, 0xe1, 0x3c];
    let at = component.windows(3).position(|window| window == constant).unwrap();
    component.splice(at..=at, [0xff]);
    let error = Plugin::load(&runtime(), &component, "test.wasm").await.unwrap_err();
    let LoadError::NotGranted { imports, .. } = &error else { panic!("{error}") };
    assert_eq!(imports.iter().map(|forbidden| forbidden.import.as_str()).collect::<Vec<_>>(), ["a:b/c@1.0.0", "help"]);
}

/// What a language's runtime imports, whether or not the plugin uses it.
#[tokio::test]
async fn what_gives_nothing_may_be_imported() {
    for import in sandbox::imports::REFUSED {
        for version in ["0.2.0", "0.2.12"] {
            let error = load(&format!(r#"(component (import "{import}@{version}" (instance)) {SOUND_EXPORT})"#)).await;
            // It has no functions: it gets as far as that.
            assert!(matches!(&error, LoadError::Mismatch { .. }), "{error}");
            assert!(error.to_string().contains("describe"), "{error}");
        }
    }
}

#[tokio::test]
async fn what_is_granted_must_be_what_it_is_called() {
    let frobnicate = r#"(import "wasi:io/poll@0.2.2" (instance (export "frobnicate" (func))))"#;
    let error = load(&format!("(component {frobnicate} {SOUND_EXPORT})")).await;
    assert!(matches!(&error, LoadError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("frobnicate"), "{error}");
}

#[tokio::test]
async fn a_component_that_is_no_destination_is_refused() {
    let error = load("(component)").await;
    assert_eq!(
        error.to_string(),
        "test.wasm is not a compatible destination plugin: it does not export etl:destination/destination@0.1.0"
    );
}

#[tokio::test]
async fn another_version_is_refused_and_named() {
    for version in ["@0.2.0", "@0.1.1", "@1.0.0", ""] {
        let export = format!("etl:destination/destination{version}");
        let error = load(&format!(r#"(component (instance $d) (export "{export}" (instance $d)))"#)).await;
        assert_eq!(
            error.to_string(),
            format!(
                "test.wasm is not a compatible destination plugin: it does not export \
                 etl:destination/destination@0.1.0; it exports {export}"
            )
        );
    }
}

#[tokio::test]
async fn a_destination_without_its_functions_is_refused() {
    let error = load(&format!("(component {SOUND_EXPORT})")).await;
    assert!(matches!(&error, LoadError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("describe"), "{error}");
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    let module = wat::parse_str("(module)").unwrap();
    for bytes in [&module[..], b"", b"#!/bin/sh"] {
        let error = Plugin::load(&runtime(), bytes, "test.wasm").await.unwrap_err();
        assert!(matches!(error, LoadError::NotAComponent { .. }), "{error}");
        assert!(error.to_string().starts_with("test.wasm is not a WebAssembly component: "), "{error}");
    }
}

#[tokio::test]
async fn the_plugin_inside_loads_and_describes_itself() {
    let plugin = Plugin::load(&runtime(), embedded::COMPONENT, embedded::NAME).await.unwrap();
    let descriptor = plugin.descriptor();
    assert_eq!(descriptor.name, "talon-one");
    let names: Vec<_> = descriptor.object_types.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["customer_profiles", "customer_profile_audiences"]);
    assert!(matches!(&descriptor.config_keys.endpoints[..], [Endpoint::ConfigKey(key)] if key == "deployment_url"));
    let secrets = &descriptor.config_keys.secrets;
    let secrets: Vec<_> = secrets.iter().map(|secret| (secret.config_key.as_str(), secret.used_in)).collect();
    assert_eq!(secrets, [("api_key", SecretUse::Headers), ("management_key", SecretUse::Headers)]);
    assert!(serde_json::from_str::<serde_json::Value>(&descriptor.config_schema).is_ok());
}

#[tokio::test]
async fn a_config_is_judged_without_network_whatever_it_is() {
    let plugin = Plugin::load(&runtime(), embedded::COMPONENT, embedded::NAME).await.unwrap();
    let healthy = r#"{"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef0123456789abcdef",
                    "object_type": "customer_profiles"}"#;
    assert!(plugin.validate_config(healthy).await.unwrap().is_empty());

    let faulty = r#"{"deployment_url": "yourcompany.talon.one/", "object_type": "customers", "batch_sise": 3}"#;
    let issues = plugin.validate_config(faulty).await.unwrap();
    let mut paths: Vec<_> = issues.iter().map(|issue| issue.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["api_key", "batch_sise", "deployment_url", "object_type"]);

    for text in ["", "[]", "not json", "\u{0}"] {
        assert!(!plugin.validate_config(text).await.unwrap().is_empty(), "{text:?}");
    }
}

#[tokio::test]
async fn compiled_code_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || CompileCache::Directory(folder.path().to_owned());
    for _ in 0..2 {
        let runtime = Runtime::new(Limits::default(), cache()).unwrap();
        Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await.unwrap();
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_some());
}

#[tokio::test]
async fn a_cache_that_can_not_be_used_costs_time_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = CompileCache::Directory(file.path().to_owned());
    let runtime = Runtime::new(Limits::default(), cache).unwrap();
    assert!(Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await.is_ok());
}

mod config {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    async fn descriptor() -> Descriptor {
        Plugin::load(&runtime(), embedded::COMPONENT, embedded::NAME).await.unwrap().descriptor().clone()
    }

    #[tokio::test]
    async fn endpoints_and_secrets_are_read() {
        let json = format!(r#"{{"deployment_url": "https://yourcompany.talon.one", "api_key": "{KEY}"}}"#);
        let (config, policy) = PluginConfig::read(&json, &descriptor().await, &Trust::default()).unwrap();
        assert!(policy.check("https", "yourcompany.talon.one").is_ok());
        let mut text = format!("the key {KEY} was refused");
        config.sanitize(&mut text);
        assert_eq!(text, "the key [hidden] was refused");
        assert!(!format!("{config:?}").contains(KEY));
    }

    #[tokio::test]
    async fn errors_do_not_repeat_the_text() {
        let descriptor = descriptor().await;
        for json in [format!(r#"{{"api_key": "{KEY}""#), format!(r#""{KEY}""#), KEY.to_owned()] {
            let error = PluginConfig::read(&json, &descriptor, &Trust::default()).unwrap_err();
            assert!(matches!(error, ConfigError::NotAnObject(_)), "{error}");
            assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_requests_may_not_go_to_is_named() {
        let json = r#"{"deployment_url": "http://yourcompany.talon.one"}"#;
        let error = PluginConfig::read(json, &descriptor().await, &Trust::default()).unwrap_err();
        assert!(error.to_string().starts_with("`deployment_url` is no endpoint"), "{error}");
    }
}

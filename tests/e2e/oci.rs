//! Plugins from a registry: what is pulled is what was asked for, or it is refused by name. The registry is a small one of the
//! test's, so that it can lie; `make dist-test` has a real one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use destination_host::digest::Digest;
use destination_host::embedded::COMPONENT;
use serde_json::json;

use crate::harness::{Outcome, TestEnv};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const WASM: &str = "application/wasm";
const SIGNATURE: &str = "application/vnd.minisign.signature.v1";

/// A signature of the text `test`, its key, and the key of somebody else.
const SIGNED: &[u8] = b"test";
const GOOD: &str = include_str!("../../host/reference/src/oci/policy/test.minisig");
const KEY: &str = include_str!("../../host/reference/src/oci/policy/test.pub");
const OTHER_KEY: &str = include_str!("../../host/reference/src/oci/policy/other.pub");

/// `test:s3cret` and what stands for it after a login.
const BASIC: &str = "Basic dGVzdDpzM2NyZXQ=";

#[derive(Default)]
struct Content {
    /// By path, after `/v2/dest/plugin/`, or from the root if it begins with a slash: status, further header lines, body.
    answers: BTreeMap<String, (String, String, Vec<u8>)>,
    /// Only who sends this gets an answer; others get this challenge.
    lock: Option<(&'static str, String)>,
    /// Requests, in order: path and authorization.
    seen: Vec<(String, Option<String>)>,
}

/// A registry on this machine, with one repository.
struct Registry {
    port: u16,
    content: Arc<Mutex<Content>>,
}

impl Registry {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let content: Arc<Mutex<Content>> = Arc::default();
        let shared = Arc::clone(&content);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { port, content }
    }

    fn put(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.put_answer(path, "200 OK", "", body);
    }

    fn put_answer(&self, path: &str, status: &str, headers: &str, body: impl Into<Vec<u8>>) {
        let answer = (status.to_owned(), headers.to_owned(), body.into());
        self.content.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// A component in the layout that tools share, under its digest and the tag `1`.
    fn put_component(&self, bytes: &[u8]) -> Digest {
        self.put(&format!("blobs/{}", Digest::of(bytes)), bytes);
        self.put_manifest(&manifest(&[layer(WASM, bytes)]))
    }

    fn put_manifest(&self, json: &str) -> Digest {
        let digest = Digest::of(json.as_bytes());
        self.put(&format!("manifests/{digest}"), json);
        self.put("manifests/1", json);
        digest
    }

    /// A signature that refers to a component, in the list that the registry keeps of such.
    fn sign(&self, component: Digest, signature: &str) {
        self.put(&format!("referrers/{component}"), self.put_signature(signature));
    }

    /// The index of one signature.
    fn put_signature(&self, signature: &str) -> String {
        self.put(&format!("blobs/{}", Digest::of(signature.as_bytes())), signature);
        let json = manifest(&[layer("text/plain", signature.as_bytes())]);
        let digest = Digest::of(json.as_bytes());
        self.put(&format!("manifests/{digest}"), json.as_str());
        let mut entry = layer(MANIFEST, json.as_bytes());
        entry["artifactType"] = SIGNATURE.into();
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string()
    }

    fn name(&self, version: impl std::fmt::Display) -> String {
        format!("oci://127.0.0.1:{}/dest/plugin{version}", self.port)
    }

    fn at(&self, digest: Digest) -> String {
        self.name(format!("@{digest}"))
    }

    fn seen(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut self.content.lock().unwrap().seen)
    }
}

fn layer(media_type: &str, bytes: &[u8]) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

fn manifest(layers: &[serde_json::Value]) -> String {
    let config =
        json!({"mediaType": "application/vnd.wasm.config.v0+json", "digest": Digest::of(b"{}").to_string(), "size": 2});
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).to_string()
}

fn answer(mut stream: TcpStream, content: &Mutex<Content>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let authorization = headers.iter().find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned);
    let mut content = content.lock().unwrap();
    content.seen.push((path.clone(), authorization.clone()));
    let key = path.strip_prefix("/v2/dest/plugin/").unwrap_or(&path);
    let locked = content
        .lock
        .as_ref()
        .filter(|(password, _)| path.starts_with("/v2/") && authorization.as_deref() != Some(password));
    let none = ("404 Not Found".to_owned(), String::new(), b"{}".to_vec());
    let (status, more, body) = match locked {
        Some((_, challenge)) => ("401 Unauthorized", format!("www-authenticate: {challenge}\r\n"), &b"{}"[..]),
        None => {
            let (status, more, body) = content.answers.get(key).unwrap_or(&none);
            (status.as_str(), more.clone(), body.as_slice())
        }
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n", body.len());
    // A client that has seen enough closes first.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
}

/// A folder of its own for everything that is kept.
fn describe(env: &TestEnv, reference: &str, more: &[&str]) -> Outcome {
    let arguments = [&["describe", "--component", reference][..], more].concat();
    Outcome::of(
        env.command(&arguments)
            .env("XDG_CACHE_HOME", env.path("cache"))
            .env("DOCKER_CONFIG", env.path("docker"))
            .env("DESTINATION_HOST_LOG", "trace"),
    )
}

fn policy(env: &TestEnv, registry: &Registry, key: &str) -> String {
    let key = key.lines().nth(1).unwrap();
    let name = format!("127.0.0.1:{}/dest/*", registry.port);
    env.write("policy.toml", format!("[[component]]\nname = \"{name}\"\nkeys = [\"{key}\"]\n"));
    "policy.toml".to_owned()
}

fn kept(env: &TestEnv) -> Vec<PathBuf> {
    let folder = env.path("cache/destination-host-components");
    fs::read_dir(folder).map(|all| all.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
fn a_component_is_pulled_by_its_digest_and_then_needs_no_network() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    let component = format!("component: {}\n", Digest::of(COMPONENT));
    let first = describe(&env, &registry.at(digest), &[]);
    first.ends_with(0).says(&component).says("Talon.One");
    assert!(!first.stderr.contains("warning"), "{}", first.stderr);
    assert_eq!(registry.seen().len(), 2);

    describe(&env, &registry.at(digest), &[]).ends_with(0).says(&component);
    assert_eq!(registry.seen().len(), 0);
    assert_eq!(kept(&env).len(), 2);
    for path in kept(&env) {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(env.path("cache/destination-host-components").metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn rows_are_delivered_by_a_pulled_component() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    env.write("rows.csv", "id\n1\n2\n");
    env.audience("add");
    let reference = registry.at(digest);
    let arguments = ["sync", "sync.toml", "--component", &reference];
    Outcome::of(env.command(&arguments).env("XDG_CACHE_HOME", env.path("cache"))).ends_with(0);
    assert_eq!(env.bodies("/v2/customer_audiences").len(), 1);
}

#[test]
fn a_tag_is_taken_with_a_warning_that_says_what_to_pin() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    let tagged = describe(&env, &registry.name(":1"), &[]);
    tagged.ends_with(0).says("is a tag, which can be moved");
    tagged.says(&format!("--component {}", registry.at(digest)));
    // A tag is asked for each time; what it stands for need not be.
    registry.seen();
    describe(&env, &registry.name(":1"), &[]).ends_with(0);
    assert_eq!(registry.seen().len(), 1);
    // Both: the digest counts, and the tag is not looked at.
    registry.put("manifests/1", "moved");
    let both = describe(&env, &registry.name(format!(":1@{digest}")), &[]);
    assert!(!both.ends_with(0).stderr.contains("is a tag"), "{}", both.stderr);
}

#[test]
fn a_flipped_byte_is_refused_by_name() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    let mut flipped = COMPONENT.to_vec();
    flipped[COMPONENT.len() / 2] ^= 1;
    registry.put(&format!("blobs/{}", Digest::of(COMPONENT)), flipped.clone());
    let refused = describe(&env, &registry.at(digest), &[]);
    refused.ends_with(1).says(&registry.at(digest)).says("the registry sent other bytes for the component");
    refused.says(&Digest::of(COMPONENT).to_string()).says(&Digest::of(&flipped).to_string());

    let json = manifest(&[layer(WASM, COMPONENT)]);
    registry.put(&format!("manifests/{digest}"), json.replace("Version\":2", "Version\":3"));
    describe(&env, &registry.at(digest), &[]).ends_with(1).says("the registry sent other bytes for the manifest");
    assert_eq!(kept(&env).len(), 0);
}

#[test]
fn what_was_altered_where_it_is_kept_is_fetched_again() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    describe(&env, &registry.at(digest), &[]).ends_with(0);
    for path in kept(&env) {
        fs::write(path, "altered").unwrap();
    }
    registry.seen();
    describe(&env, &registry.at(digest), &[]).ends_with(0).says(&Digest::of(COMPONENT).to_string());
    assert_eq!(registry.seen().len(), 2);
    describe(&env, &registry.at(digest), &[]).ends_with(0);
    assert_eq!(registry.seen().len(), 0);
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    let folder = env.path("cache/destination-host-components");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let outcome = describe(&env, &registry.at(digest), &[]);
    outcome.ends_with(0).says("plugins from registries are not kept").says("chmod go-w");
    assert_eq!(kept(&env).len(), 0);
}

/// The signed text is no component: whether its signature counts shows in what is said of it.
const SIGNATURE_COUNTS: &str = "is not a WebAssembly component";

#[test]
fn a_signature_by_a_key_of_the_policy_counts() {
    for by_tag in [false, true] {
        let (env, registry) = (TestEnv::permissive(), Registry::start());
        let digest = registry.put_component(SIGNED);
        if by_tag {
            // A registry that keeps no such lists.
            registry.put(&format!("manifests/sha256-{}", digest.hex()), registry.put_signature(GOOD));
        } else {
            registry.sign(digest, GOOD);
        }
        let policy = policy(&env, &registry, KEY);
        let more = ["--signature-policy", policy.as_str()];
        describe(&env, &registry.at(digest), &more).ends_with(2).says(SIGNATURE_COUNTS);
        // Once verified, without the network.
        registry.seen();
        describe(&env, &registry.at(digest), &more).ends_with(2).says(SIGNATURE_COUNTS);
        assert_eq!(registry.seen().len(), 0);
    }
}

#[test]
fn any_other_signature_is_refused_by_what_is_wrong() {
    let other_bytes = b"tesT";
    for (bytes, signature, key, said) in [
        (SIGNED, None, KEY, "it is not signed"),
        (
            SIGNED,
            Some(GOOD),
            OTHER_KEY,
            "it is signed by the key BF32D6A3E4FDB75B, which the policy does not name for it",
        ),
        (other_bytes, Some(GOOD), KEY, "its signature by the key BF32D6A3E4FDB75B is wrong"),
        (SIGNED, Some("not a signature"), KEY, "its signature can't be read"),
    ] {
        let (env, registry) = (TestEnv::permissive(), Registry::start());
        let digest = registry.put_component(bytes);
        if let Some(signature) = signature {
            registry.sign(digest, signature);
        }
        let policy = policy(&env, &registry, key);
        let refused = describe(&env, &registry.at(digest), &["--signature-policy", &policy]);
        refused.ends_with(1).says(said).says("policy.toml asks for a signature by the key ").says(&registry.at(digest));
        assert_eq!(kept(&env).len(), 0, "{said}");
        // What was refused once is not taken from the cache by who pulled it before without the policy.
        describe(&env, &registry.at(digest), &[]).ends_with(2).says(SIGNATURE_COUNTS);
        describe(&env, &registry.at(digest), &["--signature-policy", &policy]).ends_with(1).says(said);
    }
}

#[test]
fn a_name_that_the_policy_does_not_know_is_not_asked_for() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    env.write("policy.toml", "[[component]]\nname = \"registry.example.com/**\"\nunsigned = true\n");
    let from_environment = || {
        let reference = registry.at(digest);
        let arguments = ["describe", "--component", &reference];
        Outcome::of(env.command(&arguments).env("DESTINATION_SIGNATURE_POLICY", "policy.toml"))
    };
    from_environment().ends_with(2).says("no rule of the signature policy policy.toml names 127.0.0.1:");
    assert_eq!(registry.seen().len(), 0);
    env.write("policy.toml", "[[component]]\nname = \"127.0.0.1:1/**\"\nkeys = []\n");
    from_environment().ends_with(2).says("names no keys for \"127.0.0.1:1/**\"");
    fs::remove_file(env.path("policy.toml")).unwrap();
    from_environment().ends_with(2).says("the signature policy policy.toml is not there");
    assert_eq!(registry.seen().len(), 0);
}

#[test]
fn a_registry_that_does_not_give_it_is_named() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = Digest::of(b"nothing");
    describe(&env, &registry.at(digest), &[]).ends_with(2).says(&format!("the registry has no manifests {digest}"));

    registry.put_answer("manifests/1", "500 Internal Server Error", "", "<html>");
    describe(&env, &registry.name(":1"), &[]).ends_with(1).says("the registry answered 500 Internal Server Error");
    registry.put("manifests/1", "<html>");
    describe(&env, &registry.name(":1"), &[]).ends_with(2).says("its manifest is not JSON");

    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    let image = registry.put_manifest(&manifest(&[layer(tar, b"x")]));
    describe(&env, &registry.at(image), &[]).ends_with(2).says(&format!("its layer is of the media type {tar}"));
    let index = registry.put_manifest(&json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string());
    describe(&env, &registry.at(index), &[]).ends_with(2).says(&format!("it is of the media type {INDEX}"));

    let mut larger = layer(WASM, SIGNED);
    larger["size"] = 3.into();
    let digest = registry.put_manifest(&manifest(&[larger]));
    registry.put(&format!("blobs/{}", Digest::of(SIGNED)), SIGNED);
    describe(&env, &registry.at(digest), &[]).ends_with(1).says("the answer is larger than 3 bytes");
    let mut huge = layer(WASM, SIGNED);
    huge["size"] = (u64::MAX).into();
    let digest = registry.put_manifest(&manifest(&[huge]));
    describe(&env, &registry.at(digest), &[]).ends_with(2).says("268435456 are the most");

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let reference = format!("oci://127.0.0.1:{nobody}/dest/plugin@{digest}");
    describe(&env, &reference, &[]).ends_with(1).says(&reference).says("connection was refused");
    describe(&env, "oci://registry.example.com/x", &[]).ends_with(2).says("it does not say which version");
}

fn log_in(env: &TestEnv, registry: &Registry) {
    let auth = BASIC.trim_start_matches("Basic ");
    fs::create_dir_all(env.path("docker")).unwrap();
    let config = json!({"auths": {format!("127.0.0.1:{}", registry.port): {"auth": auth}}});
    env.write("docker/config.json", config.to_string());
}

#[test]
fn a_password_is_sent_to_who_asks_and_shown_to_nobody() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    registry.content.lock().unwrap().lock = Some((BASIC, "Basic realm=\"x\"".to_owned()));
    let refused = describe(&env, &registry.at(digest), &[]);
    refused.ends_with(1).says("the registry does not give it to this user (HTTP 401)").says("docker login");
    log_in(&env, &registry);
    registry.seen();
    let outcome = describe(&env, &registry.at(digest), &[]);
    outcome.ends_with(0);
    let sent: Vec<_> = registry.seen().into_iter().map(|(_, authorization)| authorization).collect();
    let basic = Some(BASIC.to_owned());
    assert_eq!(sent, [None, basic.clone(), basic]);
    assert!(!outcome.all().contains("dGVzd") && !outcome.all().contains("s3cret"), "{}", outcome.all());

    env.write("docker/config.json", r#"{"credsStore": "desktop"}"#);
    fs::remove_dir_all(env.path("cache")).unwrap();
    describe(&env, &registry.at(digest), &[])
        .ends_with(1)
        .says("leaves the password for 127.0.0.1:")
        .says("to a program");
    env.write("docker/config.json", r#"{"auths": dGVzdA"#);
    let broken = describe(&env, &registry.at(digest), &[]);
    assert!(!broken.ends_with(1).says("is not JSON of Docker's form").all().contains("dGVzdA"));
}

#[test]
fn a_token_is_fetched_with_the_password_and_used_instead_of_it() {
    let (env, registry) = (TestEnv::permissive(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    let realm = format!("http://127.0.0.1:{}/token", registry.port);
    let challenge = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:dest/plugin:pull\"");
    registry.content.lock().unwrap().lock = Some(("Bearer t0ken", challenge));
    registry.put("/token?scope=repository%3Adest%2Fplugin%3Apull&service=s", r#"{"access_token": "t0ken"}"#);
    log_in(&env, &registry);
    let outcome = describe(&env, &registry.at(digest), &[]);
    assert!(!outcome.ends_with(0).all().contains("t0ken"));
    let sent: Vec<_> = registry.seen().into_iter().map(|(_, authorization)| authorization).collect();
    let token = Some("Bearer t0ken".to_owned());
    assert_eq!(sent, [None, Some(BASIC.to_owned()), token.clone(), token]);
}

#[test]
fn content_that_lies_elsewhere_is_fetched_without_the_password() {
    let (env, registry, elsewhere) = (TestEnv::permissive(), Registry::start(), Registry::start());
    let digest = registry.put_component(COMPONENT);
    registry.content.lock().unwrap().lock = Some((BASIC, "Basic".to_owned()));
    log_in(&env, &registry);
    let blob = format!("blobs/{}", Digest::of(COMPONENT));
    let to = |to: &str| registry.put_answer(&blob, "307 Temporary Redirect", &format!("location: {to}\r\n"), "");
    elsewhere.put("/bucket/x?signed=1", COMPONENT);
    to(&format!("http://127.0.0.1:{}/bucket/x?signed=1", elsewhere.port));
    describe(&env, &registry.at(digest), &[]).ends_with(0);
    assert_eq!(elsewhere.seen(), [("/bucket/x?signed=1".to_owned(), None)]);

    for place in ["http://registry.example.com/x", "//registry.example.com/x", "file:///etc/passwd", ""] {
        fs::remove_dir_all(env.path("cache")).unwrap_or_default();
        to(place);
        describe(&env, &registry.at(digest), &[]).ends_with(1).says("the registry names");
    }
    let itself = format!("/v2/dest/plugin/{blob}");
    to(&itself);
    describe(&env, &registry.at(digest), &[]).ends_with(1).says("the registry answered 307 Temporary Redirect");
}

//! `init`: a first sync file for rows that nobody has described yet. What was guessed stands in it as comments; it is tried on the rows
//! before it is handed over, and nothing is sent.

use std::collections::BTreeMap;
use std::env::VarError;
use std::io::Write;
use std::path::{Path, PathBuf};

use destination_engine::bindings::{Descriptor, ObjectType, RowIssue};
use destination_engine::plugin::Plugin;
use destination_host::human_format::counted;
use destination_host::inference::{self, DATABASE_URI, Sketch, SourceGuess};
use destination_host::pipeline::job::mode_name;
use destination_host::pipeline::{Error as RunError, Preview, PreviewError, preview};
use destination_host::report::exit::Exit;
use destination_host::sync_file::{Adbc, DatabaseSpec, Draft, Input};
use serde_json::{Value, json};

use super::{client, judged};
use crate::cli::arguments::Init;
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};

/// Rows on which the sync file is tried.
const ROWS_TRIED: usize = 1_000;
/// What stands for a secret while the file is tried.
const PLACEHOLDER: &str = "placeholder";

pub(super) async fn run(plugin: &Plugin, args: &Init, terminal: &Terminal) -> Result<Exit, Problem> {
    let descriptor = plugin.descriptor();
    let object_type = object_type(descriptor, args.object_type.as_deref())?;
    if let Some(output) = args.output.as_deref().filter(|output| output.exists()) {
        return Err(taken(output));
    }
    let source = source(args)?;
    let (columns, rows, stopped) = inference::columns(&source.spec)?;
    let settings = settings(plugin, object_type).await?;
    let name = inference::name(args.path.as_deref().map(Path::new));
    let mut sketch = Sketch::new(&name, descriptor, object_type, settings, source, &columns, rows);
    if let Some(error) = &stopped {
        // What is wrong with a line may show it: that is for the terminal alone.
        let line = error.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        sketch.unclear(format!("the rows behind row {rows}: one can't be read{line}"));
        terminal.warning(&error.to_string(), error.hint.as_deref());
    }
    try_out(plugin, args, &mut sketch).await?;
    let text = sketch.text();
    match &args.output {
        None => terminal.data(text.trim_end()),
        Some(output) => write_new(output, &text)?,
    }
    say(args, &sketch, rows, terminal);
    Ok(Exit::Success)
}

fn object_type<'d>(descriptor: &'d Descriptor, named: Option<&str>) -> Result<&'d ObjectType, Problem> {
    let types = &descriptor.object_types;
    let found = match named {
        Some(name) => types.iter().find(|object_type| object_type.name == name),
        None => types.first(),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = types.iter().map(|object_type| object_type.name.as_str()).collect();
        let named = named.unwrap_or_default();
        Problem::new(Exit::Usage, format!("--object-type: {named:?} is not one of the plugin's")).hint(known.join(", "))
    })
}

fn source(args: &Init) -> Result<SourceGuess, Problem> {
    if let (Some(driver), Some(query)) = (&args.driver, &args.query) {
        let options = args.uri.iter().map(|uri| ("uri".to_owned(), uri.clone())).collect();
        let database = DatabaseSpec { driver: driver.clone(), entrypoint: args.entrypoint.clone(), options };
        return Ok(SourceGuess::of_query(Adbc { database, query: query.clone() }));
    }
    let path = args.path.as_deref().unwrap_or_default();
    Ok(SourceGuess::of_files(&Input::new(path, Path::new("")), &written(path, args.output.as_deref()))?)
}

/// A path of the command line as the sync file names it, which stands in a folder of its own.
fn written(path: &str, output: Option<&Path>) -> String {
    let elsewhere = output.and_then(Path::parent).is_some_and(|folder| !folder.as_os_str().is_empty());
    if !elsewhere {
        return path.to_owned();
    }
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// The plugin's settings that a sync can't do without, as its schema describes them.
async fn settings(plugin: &Plugin, object_type: &ObjectType) -> Result<Vec<(String, toml::Value, String)>, Problem> {
    let descriptor = plugin.descriptor();
    let schema: Value = serde_json::from_str(&descriptor.config_schema).unwrap_or_default();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut keys: Vec<String> = required.map(str::to_owned).collect();
    let mut settings = Vec::new();
    let mut config = serde_json::Map::new();
    loop {
        for key in keys.drain(..) {
            let (value, what) = setting(descriptor, object_type, &schema, &key);
            let tried = if is_secret(descriptor, &key) { PLACEHOLDER.into() } else { json!(value) };
            config.insert(key.clone(), tried);
            settings.push((key, toml::Value::String(value), what));
        }
        // What this object type needs beside, the plugin says.
        let issues = plugin.validate_config(&Value::Object(config.clone()).to_string()).await?;
        let known = |key: &str| schema.pointer(&format!("/properties/{key}")).is_some();
        keys =
            issues.into_iter().map(|issue| issue.path).filter(|key| known(key) && !config.contains_key(key)).collect();
        keys.dedup();
        if keys.is_empty() {
            return Ok(settings);
        }
    }
}

fn is_secret(descriptor: &Descriptor, key: &str) -> bool {
    descriptor.config_keys.secrets.iter().any(|secret| secret.config_key == key)
}

/// A value for a setting, and what it is.
fn setting(descriptor: &Descriptor, object_type: &ObjectType, schema: &Value, key: &str) -> (String, String) {
    let about = schema.pointer(&format!("/properties/{key}"));
    let told = |member: &str| about.and_then(|about| about.get(member));
    let what = told("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if key == "object_type" {
        let others = descriptor.object_types.iter().filter(|other| other.name != object_type.name);
        let others: Vec<&str> = others.map(|other| other.name.as_str()).collect();
        return (object_type.name.clone(), format!("{what} The plugin also has: {}.", others.join(", ")));
    }
    if let Some(mode) = object_type.sync_modes.first().filter(|_| key == "sync_mode") {
        return (mode_name(*mode).to_owned(), what);
    }
    if is_secret(descriptor, key) {
        let variable = format!("{}_{key}", descriptor.name.replace('-', "_")).to_uppercase();
        return (format!("${{{variable}}}"), format!("{what} It is taken from the environment."));
    }
    let example = told("examples").and_then(|examples| examples.get(0)).and_then(Value::as_str).unwrap_or_default();
    (example.to_owned(), format!("{what} This is an example: put yours in its place."))
}

/// Tries the file on the first rows, and takes back what the plugin rejects rows for.
async fn try_out(plugin: &Plugin, args: &Init, sketch: &mut Sketch) -> Result<(), Problem> {
    loop {
        let tried = match try_once(plugin, args, sketch).await {
            Ok(preview) => preview,
            Err(reason) => {
                sketch.unclear(format!("a sync can't run so: {reason}"));
                return Ok(());
            }
        };
        let mut columns: BTreeMap<Option<String>, (usize, String)> = BTreeMap::new();
        // The code: a message may show a value.
        for (_, RowIssue { column, code, .. }) in tried.issues {
            columns.entry(column).or_insert((0, code)).0 += 1;
        }
        let mut withdrawn = false;
        for (column, (rows, code)) in columns {
            let known = column.is_some_and(|column| sketch.withdraw(&column, rows, &code));
            if !known {
                sketch.unclear(format!("rows: {} would be rejected ({code})", counted(rows as u64, "row")));
            }
            withdrawn |= known;
        }
        if !withdrawn {
            return Ok(());
        }
    }
}

async fn try_once(plugin: &Plugin, args: &Init, sketch: &Sketch) -> Result<Preview, String> {
    let uri = args.uri.clone();
    let lookup = move |name: &str| match (&uri, name) {
        (Some(uri), DATABASE_URI) => Ok(uri.clone()),
        _ => Ok::<_, VarError>(PLACEHOLDER.to_owned()),
    };
    let told =
        |faults: Vec<destination_host::fault::Fault>| faults.first().map(ToString::to_string).unwrap_or_default();
    let folder = args.output.as_deref().and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default();
    let draft = Draft::parse(&sketch.text(), &folder, &lookup).map_err(told)?;
    let draft = judged(plugin, draft).await.map_err(|problem| problem.message().to_owned())?;
    let sync = draft.finish().map_err(told)?;
    let client = client(&sync.network).map_err(|problem| problem.message().to_owned())?;
    preview(plugin, &client, &sync, ROWS_TRIED).await.map_err(|error| match error {
        // It may show a line.
        PreviewError::Run(RunError::Source(_)) => "a row can't be read; preview says which".to_owned(),
        other => other.to_string(),
    })
}

fn taken(output: &Path) -> Problem {
    let message = format!("{} is there already, and is not written over", output.display());
    Problem::new(Exit::Usage, message).hint("name another file, or remove that one")
}

fn write_new(output: &Path, text: &str) -> Result<(), Problem> {
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(output);
    let written = created.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => taken(output),
        _ => Problem::new(Exit::Usage, format!("{} cannot be written: {error}", output.display())),
    })
}

fn say(args: &Init, sketch: &Sketch, rows: u64, terminal: &Terminal) {
    let mapped = counted(sketch.mapped() as u64, "column");
    terminal.stderr(&paint(Style::Faint, &format!("{} looked at, {mapped} mapped", counted(rows, "row"))));
    for unclear in sketch.open_questions() {
        terminal.warning(&format!("could not tell: {unclear}"), None);
    }
    let file = args.output.clone().unwrap_or_else(|| PathBuf::from("FILE"));
    terminal
        .stderr(&paint(Style::Faint, &format!("check each guess, then: destination-host preview {}", file.display())));
}

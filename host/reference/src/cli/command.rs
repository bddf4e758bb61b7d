//! The commands. Each parses nothing and decides little: it calls the library and shows what comes of it.

mod airbyte;
mod check;
mod component;
#[cfg(feature = "conform")]
mod conform;
#[cfg(feature = "demo")]
mod demo;
mod describe;
mod discover;
#[cfg(feature = "demo")]
mod fake;
mod grammar;
mod init;
mod preview;
mod provision;
mod schema;
mod selection;
mod singer;
mod state;
mod status;
pub(crate) mod sync;
mod syncs;
mod target;
mod validate;
mod verify;

use std::path::Path;
use std::sync::Arc;

use destination_engine::http::client::{ClientSettings, HttpClient};
use destination_engine::limits::Limits;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::runtime::{CompileCache, Runtime};
use destination_host::fault::Fault;
use destination_host::report::exit::Exit;
use destination_host::sync_file::{Draft, Network, SyncFile};
use destination_host::{file, pipeline::declared, pipeline::job::Job, source};

use self::component::Component;
use crate::cli::arguments::{Cli, Command, PluginChoice};
use crate::cli::problem::Problem;
use crate::cli::terminal::Terminal;

/// Rows that are read to know a source's columns.
const ROWS_FOR_COLUMNS: usize = 100;

/// Runs a command.
pub(crate) async fn run(cli: Cli, terminal: &Terminal) -> Result<Exit, Problem> {
    let load = |choice| load(choice, terminal);
    match cli.command {
        Command::Describe { schema, plugin } => {
            let component = component::find(&plugin, terminal).await?;
            describe::run(&load_component(&component, &plugin, terminal).await?, &component, schema, terminal)
        }
        Command::Validate { sync, plugin } => validate::run(&load(plugin).await?, &sync, terminal).await,
        Command::Init(args) => init::run(&load(args.plugin.clone()).await?, &args, terminal).await,
        Command::Check { sync, plugin } => check::run(&load(plugin).await?, &sync, terminal).await,
        Command::Preview { sync, rows, plugin } => {
            preview::run(&load(plugin).await?, &sync, rows as usize, terminal).await
        }
        Command::Sync(args) => sync::run(&load(args.plugin.clone()).await?, args, terminal).await,
        #[cfg(feature = "conform")]
        Command::Conform { plugin, config, rows, confirm, json } => {
            conform::run(plugin.as_deref(), &config, rows.as_deref(), confirm, json, terminal).await
        }
        Command::Airbyte(command) => Ok(airbyte::run(command, terminal).await),
        Command::Singer(args) => singer::run(&load(args.plugin.clone()).await?, &args, terminal).await,
        Command::Discover { sync, json, plugin } => discover::run(&load(plugin).await?, &sync, json, terminal).await,
        Command::Verify(args) => verify::run(&load(args.plugin.clone()).await?, &args, terminal).await,
        Command::Provision { sync, yes, plugin } => provision::run(&load(plugin).await?, &sync, yes, terminal).await,
        Command::Status { syncs, json } => status::run(&syncs, json, terminal),
        Command::State(command) => state::run(&command, terminal),
        Command::Schema { plugin } => schema::run(&load(plugin).await?, terminal),
        Command::Completions { shell } => grammar::completions(shell),
        Command::Man => grammar::manual(),
        #[cfg(feature = "demo")]
        Command::Fake { any_attributes, port } => fake::run(port, any_attributes, terminal).await,
        #[cfg(feature = "demo")]
        Command::Demo => demo::run(&load(PluginChoice::default()).await?, terminal).await,
    }
}

/// The plugin: the one inside, a file, or one of a registry.
async fn load(choice: PluginChoice, terminal: &Terminal) -> Result<Plugin, Problem> {
    let component = component::find(&choice, terminal).await?;
    load_component(&component, &choice, terminal).await
}

async fn load_component(component: &Component, choice: &PluginChoice, terminal: &Terminal) -> Result<Plugin, Problem> {
    let runtime = Runtime::new(Limits::default(), CompileCache::User)?;
    if let Some(refused) = runtime.cache_refused() {
        terminal.warning(&format!("{refused}; each start takes longer"), Some(&refused.hint));
    }
    let runtime = if choice.plugin_output {
        let terminal = terminal.clone();
        runtime.with_plugin_output(Arc::new(move |line| terminal.stderr(&format!("plugin: {line}"))))
    } else {
        runtime
    };
    let plugin = Plugin::load(&runtime, &component.bytes, &component.name).await?;
    Ok(plugin.trusted(choice.trust()))
}

/// Bytes of a file of certificates. The system's own has a quarter of a million.
const MOST_CERTIFICATE_BYTES: u64 = 16 << 20;

/// The client that all requests go through.
fn client(network: &Network) -> Result<HttpClient, Problem> {
    let mut settings = ClientSettings::default();
    for path in &network.ca_files {
        let pem = file::read(path, MOST_CERTIFICATE_BYTES)
            .map_err(|reason| Problem::new(Exit::Usage, format!("the CA file {} {reason}", path.display())))?;
        settings = settings.trust(path.display().to_string(), pem);
    }
    Ok(HttpClient::new(&settings)?)
}

/// Reads a sync file, with the faults that the plugin finds in its part.
pub(crate) async fn judged(plugin: &Plugin, draft: Draft) -> Result<Draft, Problem> {
    let mut draft = draft;
    let mut faults = declared::all_faults(plugin, draft.destination()).await?;
    for fault in &mut faults {
        fault.path =
            if fault.path.is_empty() { "destination".to_owned() } else { format!("destination.{}", fault.path) };
    }
    draft.add_faults(faults);
    Ok(draft)
}

/// Reads a sync file. From now on the terminal shows no value of its variables.
fn open_draft(path: &Path, terminal: &Terminal) -> Result<Draft, Vec<Fault>> {
    let draft = Draft::open(path)?;
    terminal.hide(draft.secrets());
    Ok(draft)
}

/// Reads a sync file that must be without fault.
async fn sync_file(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<SyncFile, Problem> {
    let draft = open_draft(path, terminal).map_err(|faults| Problem::faults(path, faults))?;
    judged(plugin, draft).await?.finish().map_err(|faults| Problem::faults(path, faults))
}

/// The faults between a sync file and the columns of its source, and the columns. Standard input is left unread.
fn column_faults(plugin: &Plugin, draft: &Draft) -> (Vec<Fault>, Option<Vec<String>>) {
    use destination_host::sync_file::Input;
    let Some(spec) = draft.source().filter(|spec| spec.input() != Some(&Input::Stdin)) else {
        return (Vec::new(), None);
    };
    let source = match source::open(spec, draft.computed(), ROWS_FOR_COLUMNS) {
        Ok((source, _)) => source,
        Err(error) => {
            let fault = Fault { path: "source".to_owned(), message: error.to_string(), hint: error.hint };
            return (vec![fault], None);
        }
    };
    let columns = source.columns().to_vec();
    if columns.is_empty() {
        return (Vec::new(), Some(columns));
    }
    let job = Job::new(plugin.descriptor(), draft.destination(), draft.computed());
    let missing = job.missing_columns(&columns, draft.destination());
    (missing, Some(columns))
}

//! Which component is the plugin: the one inside, a file, or one of a registry.

use std::borrow::Cow;
use std::path::Path;

#[cfg(feature = "oci")]
use destination_engine::http::client::{ClientSettings, HttpClient};
#[cfg(feature = "oci")]
use destination_host::oci::{self, Policy, PullError, Reference, Store};
use destination_host::report::exit::Exit;
use destination_host::{embedded, file};

use crate::cli::arguments::{ComponentSource, PluginChoice};
use crate::cli::problem::Problem;
use crate::cli::terminal::Terminal;

/// Bytes of a plugin. One that brings an interpreter has some tens of millions.
const MOST_BYTES: u64 = 256 << 20;

/// A component, before it is loaded.
pub(super) struct Component {
    pub(super) bytes: Cow<'static, [u8]>,
    /// Its name in errors.
    pub(super) name: String,
    /// The key that a signature of it was verified with, as minisign names keys.
    pub(super) signed_by: Option<String>,
}

impl Component {
    pub(super) fn inside() -> Self {
        let (bytes, name) = (Cow::Borrowed(embedded::COMPONENT), embedded::NAME.to_owned());
        Self { bytes, name, signed_by: None }
    }

    pub(super) fn of_file(path: &Path) -> Result<Self, Problem> {
        let bytes = file::read(path, MOST_BYTES)
            .map_err(|reason| Problem::new(Exit::Usage, format!("the plugin {} {reason}", path.display())))?;
        Ok(Self { bytes: Cow::Owned(bytes), name: path.display().to_string(), signed_by: None })
    }
}

/// The component that the command line names.
pub(super) async fn find(choice: &PluginChoice, terminal: &Terminal) -> Result<Component, Problem> {
    match &choice.component {
        None => Ok(Component::inside()),
        Some(ComponentSource::File(path)) => Component::of_file(path),
        #[cfg(feature = "oci")]
        Some(ComponentSource::Registry(reference)) => pulled(reference, choice.policy(), terminal).await,
    }
}

#[cfg(feature = "oci")]
async fn pulled(reference: &Reference, policy: Option<&Path>, terminal: &Terminal) -> Result<Component, Problem> {
    let policy = policy.map(Policy::read).transpose();
    let policy = policy.map_err(|error| Problem::new(Exit::Usage, error.to_string()))?;
    let store = Store::of_user().unwrap_or_else(|refused| {
        let what = format!("plugins from registries are not kept: {} {}", refused.at.display(), refused.reason);
        terminal.warning(&what, Some(&refused.hint));
        Store::none()
    });
    // The sync file, which may name certificates of a company's own, can't be read without the plugin.
    let client = HttpClient::new(&ClientSettings::default())?;
    let pulled = oci::pull(&client, reference, policy.as_ref(), &store).await?;
    if reference.is_tag() {
        let pinned = reference.pinned(pulled.manifest);
        let what = format!("{reference} is a tag, which can be moved to another plugin at any time");
        terminal.warning(&what, Some(&format!("pin the one of today: --component {pinned}")));
    }
    Ok(Component {
        bytes: Cow::Owned(pulled.bytes.into()),
        name: reference.to_string(),
        signed_by: pulled.signed_by.map(|key| key.to_string()),
    })
}

#[cfg(feature = "oci")]
impl From<PullError> for Problem {
    fn from(error: PullError) -> Self {
        let problem = Self::new(if error.is_usage() { Exit::Usage } else { Exit::Failed }, error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

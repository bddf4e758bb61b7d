//! The audiences of an account.

use destination_toolkit::bindings::Failure;

use crate::api::client::Management;
use crate::api::management;
use crate::api::object::Object;
use crate::config::AudienceId;

/// An audience as Talon.One lists it.
pub(crate) struct Audience {
    pub(crate) id: AudienceId,
    /// Perhaps that of another one too.
    pub(crate) name: String,
    pub(crate) description: String,
}

impl Audience {
    /// # Errors
    /// It is not as documented.
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn read(object: &Object<'_>) -> Result<Self, String> {
        let id = object.whole_number("id")?;
        Ok(Self {
            id: AudienceId::new(id).ok_or_else(|| object.fault("id", "a positive number"))?,
            name: object.text("name")?.into_owned(),
            description: object.optional_text("description")?.into_owned(),
        })
    }
}

/// All audiences.
///
/// # Errors
/// There is no whole list.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn audiences(management: &mut Management<'_>) -> Result<Vec<Audience>, Failure> {
    let mut all: Vec<Audience> = Vec::new();
    management.pages(&management::audiences, &mut |object| {
        let audience = Audience::read(object)?;
        // Where one was added or removed while the pages were read, and where a page was asked for again, one comes twice.
        if all.iter().all(|known| known.id != audience.id) {
            all.push(audience);
        }
        Ok(())
    })?;
    Ok(all)
}

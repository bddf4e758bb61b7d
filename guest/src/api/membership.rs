//! A membership as the audience endpoint takes it.

use destination_toolkit::bindings::Action;
use destination_toolkit::value::digits::write_integer;
use destination_toolkit::value::json;

use crate::config::AudienceId;

/// Append `{"action":…,"profileIntegrationId":…,"audienceId":…}`. Any action but a delete adds.
pub(crate) fn write(key: &str, action: Action, audience: AudienceId, out: &mut String) {
    out.push_str(match action {
        Action::Delete => "{\"action\":\"delete\",\"profileIntegrationId\":",
        Action::Add | Action::Upsert => "{\"action\":\"add\",\"profileIntegrationId\":",
    });
    json::write_string(key, out);
    out.push_str(",\"audienceId\":");
    write_integer(audience.number(), out);
    out.push('}');
}

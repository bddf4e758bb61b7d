//! A membership as the audience endpoint takes it.

use crate::bindings::exports::etl::destination::destination::Action;
use crate::config::AudienceId;
use crate::value::json;
use crate::value::write_integer;

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

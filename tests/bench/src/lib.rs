//! The rows that the benchmarks map: made-up customers of seven columns, in the layout of the border.

use talon_one_destination::bindings::exports::etl::destination::destination as guest;

/// The plugin's config for them.
pub const CONFIG: &str = r#"{"deployment_url":"https://yourcompany.talon.one","api_key":"0123456789abcdef","object_type":"customer_profiles","mappings":[
{"source":"customer_id","destination":"integration_id"},{"source":"email","destination":"email"},{"source":"name","destination":"name"},
{"source":"signed_up","destination":"signup_date","type":"time"},{"source":"tier","destination":"tier"},
{"source":"value","destination":"lifetime_value","type":"number"},{"source":"opted_in","destination":"marketing_opt_in","type":"boolean"}]}"#;

/// The columns' names.
pub const COLUMNS: [&str; 7] = ["customer_id", "email", "name", "signed_up", "tier", "value", "opted_in"];

/// A customer, as text.
#[must_use]
pub fn customer(n: usize) -> [String; 7] {
    const TIERS: [&str; 3] = ["gold", "silver", "bronze"];
    let tier = TIERS.get(n % 3).copied().unwrap_or_default();
    [
        format!("cust_{n:08}"),
        format!("someone.{n}@example.com"),
        format!("Zoë Example {n}"),
        format!("20{:02}-{:02}-{:02}", n % 26, 1 + n % 12, 1 + n % 28),
        tier.to_owned(),
        format!("{}.{:02}", n % 5000, n % 100),
        if n.is_multiple_of(2) { "yes" } else { "no" }.to_owned(),
    ]
}

/// Texts packed as they cross the border.
#[must_use]
pub fn packed(texts: impl Iterator<Item = String>) -> (Vec<u32>, String) {
    let mut offsets = vec![0];
    let mut data = String::new();
    for text in texts {
        data.push_str(&text);
        offsets.push(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }
    (offsets, data)
}

/// So many customers as the columns of the plugin's own types.
#[must_use]
pub fn columns(rows: usize) -> Vec<guest::Column> {
    let values = |column: usize| {
        let texts = (0..rows).map(|n| customer(n).into_iter().nth(column).unwrap_or_default());
        let (offsets, data) = packed(texts);
        guest::Values::Texts(guest::Strings { offsets, data })
    };
    let names = COLUMNS.iter().enumerate();
    names
        .map(|(at, name)| guest::Column { name: (*name).to_owned(), validity: Vec::new(), values: values(at) })
        .collect()
}

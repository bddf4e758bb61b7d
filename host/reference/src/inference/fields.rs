//! Which column is which field of a destination, by their names and by what the columns hold.

use super::Column;
use super::form::Form;

/// What people call things, the surest first. The key is named by a whole row of them.
const KEYS: [&str; 24] = [
    "integrationid",
    "customerid",
    "customeruuid",
    "userid",
    "profileid",
    "memberid",
    "clientid",
    "contactid",
    "accountid",
    "personid",
    "externalid",
    "kundennummer",
    "kundennr",
    "kundenid",
    "customernumber",
    "customerno",
    "custid",
    "cust",
    "kunde",
    "customer",
    "uuid",
    "guid",
    "id",
    "key",
];
/// For fields that destinations have by these names.
const SYNONYMS: [(&str, &[&str]); 4] = [
    ("email", &["email", "emailaddress", "mail", "emailadresse", "mailaddress", "customeremail", "useremail"]),
    ("name", &["name", "fullname", "customername", "kundenname", "displayname", "username"]),
    (
        "phone",
        &["phone", "phonenumber", "mobile", "mobilephone", "telephone", "telefon", "tel", "handy", "msisdn", "cell"],
    ),
    (
        "signup_date",
        &[
            "signupdate",
            "signup",
            "signedup",
            "signedupat",
            "created",
            "createdat",
            "createdon",
            "registered",
            "registeredat",
            "registrationdate",
            "joined",
            "joinedat",
            "angemeldet",
            "anmeldedatum",
            "registriertam",
            "kundeseit",
            "since",
        ],
    ),
];

/// A name without what people write differently.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The column that is the key, and whether its rows bear that out.
pub(super) fn key(columns: &[Column], field: &str) -> Option<(usize, bool)> {
    let fits = |column: &Column| column.is_key();
    let field = plain(field);
    let named = std::iter::once(field.as_str())
        .chain(KEYS)
        .filter_map(|name| columns.iter().position(|column| plain(&column.name) == name));
    let named: Vec<usize> = named.collect();
    let by_name = named.iter().copied().find(|at| columns.get(*at).is_some_and(fits));
    let any = || columns.iter().position(|column| fits(column) && column.form != Form::Email);
    match (by_name, named.first()) {
        (Some(at), _) => Some((at, true)),
        (None, Some(at)) => Some((*at, false)),
        (None, None) => any().map(|at| (at, false)),
    }
}

/// The field of a destination that a column is by its name.
pub(super) fn field<'f>(column: &Column, fields: &[&'f str]) -> Option<&'f str> {
    let name = plain(&column.name);
    let is = |field: &str| {
        let synonyms = SYNONYMS.iter().find(|(known, _)| *known == field).map(|(_, names)| *names).unwrap_or_default();
        plain(field) == name || synonyms.contains(&name.as_str())
    };
    fields.iter().copied().find(|field| is(field))
}

/// A column's name as that of a field: letters, digits and underscores.
pub(super) fn custom(name: &str) -> String {
    let mut field: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    while field.contains("__") {
        field = field.replace("__", "_");
    }
    let field = field.trim_matches('_');
    if field.starts_with(|c: char| c.is_ascii_alphabetic()) { field.to_owned() } else { format!("field_{field}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, form: Form, distinct: bool) -> Column {
        Column { name: name.to_owned(), form, values: 10, nulls: 0, distinct, native: None, example: String::new() }
    }

    #[test]
    fn the_key_is_the_column_that_is_named_like_one_and_is_one() {
        let columns = [
            column("email", Form::Email, true),
            column("Customer", Form::Text, false),
            column("Kunden-Nr.", Form::Text, true),
            column("n", Form::Integer, true),
        ];
        assert_eq!(key(&columns, "integration_id"), Some((2, true)));
        assert_eq!(key(&columns[..2], "integration_id"), Some((1, false)));
        assert_eq!(key(&columns[3..], "integration_id"), Some((0, false)));
        assert_eq!(key(&columns[..1], "integration_id"), None);
        assert_eq!(key(&[column("Integration ID", Form::Text, true)], "integration_id"), Some((0, true)));
    }

    #[test]
    fn fields_are_found_by_what_people_call_them() {
        let fields = ["email", "name", "phone", "signup_date"];
        for (name, found) in [
            ("E-Mail", Some("email")),
            ("Signup Date", Some("signup_date")),
            ("created_at", Some("signup_date")),
            ("Telefon", Some("phone")),
            ("first_name", None),
            ("points", None),
        ] {
            assert_eq!(field(&column(name, Form::Text, true), &fields), found, "{name}");
        }
    }

    #[test]
    fn names_of_fields_are_plain() {
        for (name, field) in
            [("points", "points"), ("Umsatz (EUR)", "Umsatz_EUR"), ("2024", "field_2024"), ("größe", "gr_e")]
        {
            assert_eq!(custom(name), field);
        }
    }
}

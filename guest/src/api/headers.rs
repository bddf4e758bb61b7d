//! The headers of requests: who asks, with which key, and what the body is.

use super::request::Request;
use crate::config::Config;

/// The headers of a request to a config's deployment. They hold the key: for a transport alone, never to be shown.
pub(crate) fn of(request: &Request, config: &Config) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("authorization", config.authorization()),
        ("accept", "application/json".to_owned()),
        ("user-agent", concat!("talon-one-destination/", env!("CARGO_PKG_VERSION")).to_owned()),
    ];
    if !request.body.is_empty() {
        headers.push(("content-type", "application/json".to_owned()));
        headers.push(("content-length", request.body.len().to_string()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::Method;

    #[test]
    fn headers_name_the_key_the_type_and_the_plugin() {
        let text = r#"{"deployment_url":"https://yourcompany.talon.one","api_key":"0123456789abcdef","object_type":"customer_profiles"}"#;
        let config = Config::parse(text).ok().unwrap();
        let request = |body: &str| Request { method: Method::Put, path: "/", body: body.to_owned() };
        let headers = of(&request("{\"ä\":1}"), &config);
        assert_eq!(
            headers,
            [
                ("authorization", "ApiKey-v1 0123456789abcdef".to_owned()),
                ("accept", "application/json".to_owned()),
                ("user-agent", format!("talon-one-destination/{}", env!("CARGO_PKG_VERSION"))),
                ("content-type", "application/json".to_owned()),
                ("content-length", "8".to_owned()),
            ]
        );
        assert_eq!(of(&request(""), &config), headers[..3]);
    }
}

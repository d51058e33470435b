//! Addresses of pages.

use std::fmt::Write;

/// A page, and its query of what is not empty.
pub fn link<'f>(path: &str, fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    let mut link = path.to_owned();
    let mut mark = '?';
    for (name, value) in fields {
        if !value.is_empty() {
            link.push(mark);
            link.push_str(name);
            link.push('=');
            link.push_str(&encode(value));
            mark = '&';
        }
    }
    link
}

/// The page of a user.
pub fn user(id: &str) -> String {
    format!("/ui/users/{}", encode(id))
}

/// The page of a session.
pub fn session(id: &str) -> String {
    format!("/ui/sessions/{}", encode(id))
}

/// As a part of a path or a query: all but unreserved characters (RFC 3986, 2.3) by their bytes.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::request::{Fields, decode};

    #[test]
    fn a_link_has_what_is_not_empty() {
        let fields = [("user_id", ""), ("client", "a&b"), ("from", "2026-11-20")];
        let found = link("/ui/sessions", fields);
        assert_eq!(found, "/ui/sessions?client=a%26b&from=2026-11-20");
        assert_eq!(link("/ui/", []), "/ui/");
        assert_eq!(
            user("\"><script>/é"),
            "/ui/users/%22%3E%3Cscript%3E%2F%C3%A9"
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_as_it_was(text in ".*") {
            prop_assert_eq!(decode(&encode(&text)), text.clone());
            let link = link("/ui/", [("a", "1"), ("b", text.as_str())]);
            let query = link.split_once('?').map_or("", |(_, query)| query);
            let fields = Fields::parse(query);
            prop_assert_eq!(fields.get("b"), text.trim());
            prop_assert_eq!(fields.get("a"), "1");
        }
    }
}

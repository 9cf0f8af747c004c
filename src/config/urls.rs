//! Addresses in settings.

use std::cell::Cell;

use url::{Host, SyntaxViolation, Url};

use super::ConfigError;

/// Checks that a setting is a whole http:// or https:// address without a user or password.
///
/// The message leaves the address out: messages are shown in many places, and people write passwords into addresses.
pub(super) fn check_url(name: &str, text: &str) -> Result<Url, ConfigError> {
    // The parser accepts and repairs `http:host` and spaces, which whoever uses the text itself does not.
    let is_exact = Cell::new(true);
    let on_violation = |violation| is_exact.set(is_exact.get() && violation == SyntaxViolation::EmbeddedCredentials);
    match Url::options().syntax_violation_callback(Some(&on_violation)).parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err(ConfigError(format!("{name} holds a user or password before the @, which has no place there")))
        }
        Ok(url) if is_exact.get() && matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(ConfigError(format!("{name} must be a whole address such as https://example.kr"))),
    }
}

/// The address in the form that programs send: its host in ASCII and in lower case, without the default port.
pub(crate) fn normalize_url(text: &str) -> String {
    Url::parse(text).map_or_else(|_| text.to_owned(), String::from)
}

/// The host name in the form that browsers send: in ASCII and in lower case. A dot at the end is left out. `None` if the
/// text is no host name.
pub(crate) fn normalize_host(text: &str) -> Option<String> {
    let name = Host::parse(text).ok()?.to_string();
    Some(name.strip_suffix('.').unwrap_or(&name).to_owned())
}

/// The origin of an address in the form that browsers send: in ASCII and in lower case, without the default port.
pub(crate) fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}

/// Whether an address is one of https.
pub(crate) fn is_https(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "https")
}

/// Whether an address leads to this machine.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_address_is_accepted_and_what_a_parser_would_repair_is_refused() {
        for whole in ["https://class.example.kr", "http://my_model:8000/v1", "http://[::1]:1/?a=b", "https://교실.kr"]
        {
            assert!(check_url("NAME", whole).is_ok(), "{whole}");
        }
        for wrong in [
            "",
            "a.kr",
            "a.kr:443",
            "ftp://a.kr",
            "https:a.kr",
            "https:///a.kr",
            "https://",
            " https://a.kr",
            "https://a.kr/a b",
        ] {
            let error = check_url("NAME", wrong).unwrap_err().to_string();
            assert_eq!(error, "NAME must be a whole address such as https://example.kr", "{wrong}");
        }
    }

    #[test]
    fn a_host_name_has_the_form_that_browsers_send() {
        for (text, name) in [
            ("Class.Example.KR", "class.example.kr"),
            ("class.example.kr.", "class.example.kr"),
            ("교실.kr", "xn--9d0b622b.kr"),
            ("교실.kr.", "xn--9d0b622b.kr"),
            ("_dev.a.kr", "_dev.a.kr"),
            ("10.0.0.7", "10.0.0.7"),
            ("[FD00::7]", "[fd00::7]"),
        ] {
            assert_eq!(normalize_host(text).as_deref(), Some(name), "{text}");
        }
        for wrong in ["", "a.kr:80", "a.kr/x", "u@a.kr", "http://a.kr", "a b"] {
            assert_eq!(normalize_host(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_origin_has_the_form_that_browsers_send() {
        for (url, written) in [
            ("https://class.example.kr", "https://class.example.kr"),
            ("HTTPS://Class.Example.KR:443/", "https://class.example.kr"),
            ("http://class.example.kr:80", "http://class.example.kr"),
            ("https://class.example.kr:8443", "https://class.example.kr:8443"),
            ("https://class.example.kr/school", "https://class.example.kr"),
            ("https://교실.kr", "https://xn--9d0b622b.kr"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ] {
            assert_eq!(origin(url).as_deref(), Some(written), "{url}");
        }
        assert_eq!(origin("class.example.kr"), None);
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for wrong in ["https://user:secret@a.kr", "https://user@a.kr/", "http://:secret@a.kr"] {
            let error = check_url("NAME", wrong).unwrap_err().to_string();
            assert!(error.contains("before the @") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_loopback_addresses_and_localhost_are_this_machine() {
        let is_own = |text| is_this_machine(&Url::parse(text).unwrap());
        assert!(
            ["http://127.0.0.1:1", "http://localhost/v1", "https://[::1]/", "http://127.9.9.9"].into_iter().all(is_own)
        );
        assert!(!["http://localhost.example.kr", "http://127.example.kr", "http://10.0.0.1"].into_iter().any(is_own));
    }
}

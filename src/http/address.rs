//! The address of a client, also behind trusted proxies.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Once,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use ipnet::IpNet;

use super::{AppState, host::UnknownHost};
use crate::config::is_private_address;

/// The header in which proxies name their clients.
pub(super) const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client. `X-Forwarded-For` is read only as far as every hop up to this program is a trusted proxy.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(client_address(peer_address(&parts.extensions), &parts.headers, &state.config.trusted_proxies)))
    }
}

/// The address of the other end of the connection, from the extensions of a request.
pub(super) fn peer_address(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip().to_canonical())
}

/// Whether a proxy forwarded the request.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    [X_FORWARDED_FOR, "forwarded", "x-real-ip"].iter().any(|name| headers.contains_key(*name))
}

/// Whether a request comes from the operator's networks: this machine, a private network or the network of a trusted proxy.
///
/// For a forwarded request the client address that a trusted proxy names is decisive; without one, the answer is no. It is
/// also no for a request to an unknown host name.
pub(super) fn is_from_operator(parts: &Parts, trusted: &[IpNet]) -> bool {
    if parts.extensions.get::<UnknownHost>().is_some() {
        return false;
    }
    let peer = peer_address(&parts.extensions);
    if is_forwarded(&parts.headers) && !(is_in(trusted, peer) && parts.headers.contains_key(X_FORWARDED_FOR)) {
        return false;
    }
    let client = client_address(peer, &parts.headers, trusted);
    is_private_address(client) || is_in(trusted, client)
}

/// Whether an address lies in one of these networks.
pub(super) fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Walks `X-Forwarded-For` from the right, where the trusted proxies append, to the first address of no trusted proxy.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    let values = headers.get_all(X_FORWARDED_FOR).iter();
    let hops: Vec<&[u8]> = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b',')).collect();
    // RFC 9110, section 5.6.1: empty elements of a list are ignored.
    for hop in hops.into_iter().rev().map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
        if !is_in(trusted, client) {
            break;
        }
        match std::str::from_utf8(hop).ok().and_then(parse_hop) {
            Some(address) => client = address,
            None => {
                warn_of_unreadable_hop(client);
                break;
            }
        }
    }
    client
}

/// Parses the address of a hop in the notations that proxies use: with a port (IIS, Azure's Application Gateway), in
/// brackets, in quotes, or with the zone of a link-local address.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches('"').trim();
    let bare = |text: &str| text.split('%').next()?.parse::<IpAddr>().ok();
    let address = match hop.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']')?;
            (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then(|| bare(address))?
        }
        // Without brackets, the port of an IPv6 address cannot be told apart, so the whole text is the address.
        None => bare(hop).or_else(|| {
            let (address, port) = hop.rsplit_once(':')?;
            (is_port(port) && !address.contains(':')).then(|| bare(address))?
        }),
    };
    address.map(|address| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// Warns once per process that all clients of a proxy count as one address.
fn warn_of_unreadable_hop(proxy: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            proxy.address = %proxy,
            "a trusted proxy sends X-Forwarded-For without a readable address, so all its clients count as one address; \
             configure it to send the client's address. This is logged once"
        );
    });
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address_seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn an_untrusted_client_cannot_claim_another_address() {
        assert_eq!(address_seen("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(address_seen("203.0.113.9", &["10.0.0.1"], &["127.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_address_counts() {
        let ours = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(address_seen("127.0.0.1", &["198.51.100.7"], &ours), "198.51.100.7");
        assert_eq!(address_seen("127.0.0.1", &["6.6.6.6, 198.51.100.7, 10.1.2.3"], &ours), "198.51.100.7");
        assert_eq!(address_seen("127.0.0.1", &["6.6.6.6", "198.51.100.7"], &ours), "198.51.100.7");
        assert_eq!(address_seen("127.0.0.1", &["6.6.6.6, rubbish"], &ours), "127.0.0.1");
        assert_eq!(address_seen("127.0.0.1", &[], &ours), "127.0.0.1");
    }

    #[test]
    fn every_notation_of_an_address_is_read() {
        for (hop, address) in [
            ("198.51.100.7", "198.51.100.7"),
            (" 198.51.100.7\t", "198.51.100.7"),
            ("198.51.100.7:5678", "198.51.100.7"),
            ("\"198.51.100.7:5678\"", "198.51.100.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("\"[2001:db8::1]:80\"", "2001:db8::1"),
            ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
        ] {
            assert_eq!(address_seen("127.0.0.1", &[hop], &["127.0.0.0/8"]), address, "{hop}");
        }
    }

    #[test]
    fn text_that_is_no_address_is_ignored() {
        for hop in [
            "unknown",
            "_hidden",
            "198.51.100.7:",
            "198.51.100.7:99999",
            "198.51.100.7:80:80",
            "[2001:db8::1",
            "[2001:db8::1]80",
            "[2001:db8::1]:x",
            "2001:db8::1]",
            "198.51.100",
            "198.51.100.7.example",
            "0x7f.1",
            "%",
            "[]",
            "\"\"",
            "\u{fffd}",
        ] {
            assert_eq!(address_seen("127.0.0.1", &[hop], &["127.0.0.0/8"]), "127.0.0.1", "{hop}");
        }
    }

    #[test]
    fn empty_and_unreadable_hops_do_not_hide_the_client() {
        let ours = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(address_seen("127.0.0.1", &["198.51.100.7, , 10.1.2.3,"], &ours), "198.51.100.7");
        assert_eq!(address_seen("127.0.0.1", &["198.51.100.7:1", "10.1.2.3:2"], &ours), "198.51.100.7");
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff\xfe, 198.51.100.7").unwrap());
        let client = client_address("127.0.0.1".parse().unwrap(), &headers, &["127.0.0.0/8".parse().unwrap()]);
        assert_eq!(client.to_string(), "198.51.100.7", "a client cannot hide the address that the proxy appends");
    }
}

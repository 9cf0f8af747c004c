//! Where a request comes from, past the proxies we trust.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;

use super::AppState;

/// The client's address. `X-Forwarded-For` counts only as far as every hop towards us is a trusted proxy.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(client(peer(parts), &parts.headers, &state.config.trusted_proxies)))
    }
}

/// The other end of the connection.
pub fn peer(parts: &Parts) -> IpAddr {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip().to_canonical())
}

/// Walks `X-Forwarded-For` from the right, the end our own proxies wrote, to the first address that isn't one of ours.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_ours = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.into_iter().rev() {
        if !is_ours(&client) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_claim_another_address() {
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &["127.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_trusted_proxies_the_nearest_stranger_counts() {
        let ours = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(seen("127.0.0.1", &["198.51.100.7"], &ours), "198.51.100.7");
        assert_eq!(seen("127.0.0.1", &["6.6.6.6, 198.51.100.7, 10.1.2.3"], &ours), "198.51.100.7");
        assert_eq!(seen("127.0.0.1", &["6.6.6.6", "198.51.100.7"], &ours), "198.51.100.7");
        assert_eq!(seen("127.0.0.1", &["6.6.6.6, rubbish"], &ours), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &[], &ours), "127.0.0.1");
    }
}

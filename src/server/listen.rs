//! Listening sockets: those that systemd passes, or addresses from the settings.

use std::net::{IpAddr, TcpListener};

use anyhow::Context;
use listenfd::ListenFd;

/// The name (`FileDescriptorName=`) of the socket on which plain HTTP is sent on to HTTPS.
const REDIRECT: &str = "redirect";

/// The sockets that systemd passed to this process. It holds them open while the program restarts, so no connection is
/// refused.
#[derive(Debug, Default)]
pub struct SystemdSockets {
    /// For pages and API.
    pub main: Option<TcpListener>,
    /// For plain HTTP that is sent on to HTTPS.
    pub redirect: Option<TcpListener>,
}

impl SystemdSockets {
    /// Takes the sockets from the environment; none if systemd didn't start the process through a socket.
    ///
    /// # Errors
    /// When a socket isn't one for TCP, or there are more than the two we know.
    pub fn take() -> anyhow::Result<Self> {
        let mut sockets = ListenFd::from_env();
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut received = Self::default();
        for index in 0..sockets.len() {
            let name = names.next().unwrap_or_default();
            let slot = if name == REDIRECT { &mut received.redirect } else { &mut received.main };
            let socket = sockets.take_tcp_listener(index).context("a socket from systemd isn't one for TCP")?;
            anyhow::ensure!(
                slot.is_none(),
                "systemd passed more sockets than can be used; one ListenStream= for pages and API, and one in a \
                 socket unit with FileDescriptorName={REDIRECT} for plain HTTP"
            );
            *slot = socket;
        }
        Ok(received)
    }
}

/// Binds the address that `setting` chooses.
///
/// # Errors
/// When the address is in use or not permitted; the text names the fix.
pub fn bind(host: IpAddr, port: u16, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((host, port)).with_context(|| {
        let fix = match port {
            1..1024 => {
                "ports below 1024 need CAP_NET_BIND_SERVICE or a socket from systemd, and nobody else may listen there"
                    .to_owned()
            }
            _ => format!("is the program running already? {setting} chooses another port"),
        };
        format!("{host}:{port} can't be listened on; {fix}")
    })
}

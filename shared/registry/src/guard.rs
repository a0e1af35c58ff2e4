//! Which addresses may be reached. Names are checked where they are looked up, right before the connection, so that a
//! name cannot answer one address to the check and another to the connection.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// What may not be reached, and why. The text is for whoever wrote the label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    #[error("{0} is not spoken to: its address does not begin with https://")]
    Scheme(String),
    #[error(
        "{0} is on a private network, which only registries may be that the fleet's configuration names ([images] \
         allow or mirrors)"
    )]
    Private(String),
    #[error("{0} is an address at which no registry can be")]
    Nobodys(String),
    #[error("there is no registry {0}: the name is not known; correct it")]
    Unknown(String),
}

/// What may be reached: what is public, and the registries that the fleet's configuration names.
#[derive(Debug)]
pub(crate) struct Guard {
    named: BTreeSet<String>,
}

impl Guard {
    /// Besides what is public, these hosts (in lower case, without ports) may be reached.
    pub(crate) fn new(named: BTreeSet<String>) -> Self {
        Self { named }
    }

    /// Whether an address may be asked, as far as it tells by itself.
    pub(crate) fn permit(&self, url: &Url) -> Result<(), Forbidden> {
        let host = url.host_str().unwrap_or_default();
        let shown = || host.chars().take(80).collect();
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(Forbidden::Scheme(shown()));
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.permit_address(host, address.into()),
            Some(Host::Ipv6(address)) => self.permit_address(host, address.into()),
            Some(Host::Domain(_)) => Ok(()),
            None => Err(Forbidden::Nobodys(shown())),
        }
    }

    fn permit_address(&self, host: &str, address: IpAddr) -> Result<(), Forbidden> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Private if self.named.contains(&host.to_ascii_lowercase()) => Ok(()),
            Reach::Private => Err(Forbidden::Private(host.to_owned())),
            Reach::Nobodys => Err(Forbidden::Nobodys(host.to_owned())),
        }
    }

    /// Those addresses of a name that may be connected to.
    fn among(
        &self,
        name: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Forbidden> {
        let mut permitted = Vec::new();
        let mut refused = Forbidden::Unknown(name.to_owned());
        for address in addresses {
            match self.permit_address(name, address.ip()) {
                Ok(()) => permitted.push(address),
                Err(forbidden) => refused = forbidden,
            }
        }
        if permitted.is_empty() { Err(refused) } else { Ok(permitted) }
    }
}

/// Whether an address names this machine by itself: Docker, too, speaks plain HTTP to registries there.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Looks names up and leaves out what may not be reached.
pub(crate) struct GuardedNames(pub(crate) Arc<Guard>);

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let name = name.as_str();
            let addresses = match tokio::net::lookup_host((name, 0)).await {
                Ok(addresses) => addresses,
                Err(error) if is_unknown(&error) => return Err(Forbidden::Unknown(name.to_owned()).into()),
                Err(error) => return Err(error.into()),
            };
            let permitted: Addrs = Box::new(guard.among(name, addresses)?.into_iter());
            Ok(permitted)
        })
    }
}

/// Whether a look-up says that there is no such name, instead of that nobody could say. The standard library keeps
/// only the text of `getaddrinfo`'s `EAI_NONAME` and `EAI_NODATA`, which is in English: no locale is ever set.
fn is_unknown(error: &io::Error) -> bool {
    let text = error.to_string();
    ["Name or service not known", "No address associated with hostname", "nodename nor servname provided"]
        .iter()
        .any(|known| text.contains(known))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    Private,
    /// Link-local, where machines and containers are given their credentials; and what is no single machine.
    Nobodys,
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => reach_v4(inner),
            None => reach_v6(address),
        },
    }
}

/// IANA's special-purpose addresses (RFC 6890 and its registry).
fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    if address.is_link_local() || address.is_multicast() || a == 0 || a >= 240 {
        return Reach::Nobodys;
    }
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (b == 18 || b == 19);
    let protocol = [a, b, c] == [192, 0, 0];
    let private = address.is_private() || address.is_loopback() || address.is_documentation();
    if private || shared || benchmark || protocol { Reach::Private } else { Reach::Public }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    // fd00:ec2::/32 is where AWS gives out credentials (EC2 and EKS user guides).
    let aws = address.segments()[..2] == [0xfd00, 0xec2];
    if address.is_unicast_link_local() || address.is_multicast() || address.is_unspecified() || aws {
        return Reach::Nobodys;
    }
    let global = address.segments()[0] & 0xe000 == 0x2000;
    let documentation = address.segments()[..2] == [0x2001, 0xdb8];
    if global && !documentation { Reach::Public } else { Reach::Private }
}

/// The IPv4 address within one of IPv6: mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(["registry.internal", "10.0.0.5", "localhost"].map(str::to_owned).into())
    }

    fn permit(url: &str) -> Result<(), Forbidden> {
        guard().permit(&Url::parse(url).unwrap())
    }

    fn among(name: &str, addresses: &[&str]) -> Result<usize, Forbidden> {
        let addresses = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0));
        guard().among(name, addresses).map(|permitted| permitted.len())
    }

    #[test]
    fn what_is_public_or_named_is_reached() {
        for url in [
            "https://ghcr.io/v2/",
            "https://8.8.8.8/v2/",
            "https://10.0.0.5:5000/v2/",
            "http://localhost:5000/v2/",
            "https://[2600::1]/v2/",
        ] {
            assert_eq!(permit(url), Ok(()), "{url}");
        }
        assert_eq!(among("ghcr.io", &["140.82.121.34", "2606:50c0:8000::153"]), Ok(2));
        assert_eq!(among("registry.internal", &["10.1.2.3", "fd12::1"]), Ok(2));
    }

    #[test]
    fn a_private_network_is_not_reached_by_chance() {
        for url in [
            "https://10.0.0.6/v2/",
            "https://192.168.1.1/v2/",
            "https://172.16.0.1/v2/",
            "https://100.64.0.1/v2/",
            "http://127.0.0.1:9001/v2/",
            "https://2130706433/v2/",
            "https://0x7f.1/v2/",
            "https://[::1]/v2/",
            "https://[fd12::1]/v2/",
            "https://[::ffff:10.0.0.6]/v2/",
            "https://[64:ff9b::10.0.0.6]/v2/",
        ] {
            assert!(matches!(permit(url), Err(Forbidden::Private(_))), "{url}: {:?}", permit(url));
        }
        assert!(matches!(among("evil.example", &["127.0.0.1"]), Err(Forbidden::Private(_))));
        assert_eq!(among("evil.example", &["10.1.2.3", "93.184.215.14"]), Ok(1), "only what is public");
    }

    #[test]
    fn credentials_of_the_machine_are_never_reached() {
        for address in ["169.254.169.254", "169.254.170.2", "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            assert!(
                matches!(permit(&format!("https://{address}/")), Err(Forbidden::Nobodys(_))),
                "{address}"
            );
            let named = among("registry.internal", &[address]);
            assert!(matches!(named, Err(Forbidden::Nobodys(_))), "{address}, though it is named");
        }
        for address in ["fd00:ec2::254", "fe80::1", "::ffff:169.254.169.254", "2002:a9fe:a9fe::1", "::"] {
            assert!(
                matches!(among("registry.internal", &[address]), Err(Forbidden::Nobodys(_))),
                "{address}"
            );
        }
    }

    #[test]
    fn nothing_but_this_machine_is_spoken_to_in_the_clear() {
        for url in [
            "http://ghcr.io/v2/",
            "http://registry.internal/v2/",
            "ftp://ghcr.io/",
            "http://localhost.evil.example/",
        ] {
            assert!(matches!(permit(url), Err(Forbidden::Scheme(_))), "{url}");
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_one_that_nobody_could_look_up() {
        let failed = |text: &str| io::Error::other(format!("failed to lookup address information: {text}"));
        assert!(is_unknown(&failed("Name or service not known")));
        assert!(!is_unknown(&failed("Temporary failure in name resolution")));
        assert_eq!(among("nothing.example", &[]), Err(Forbidden::Unknown("nothing.example".to_owned())));
    }
}

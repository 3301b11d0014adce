//! Networks in settings, written with commas between: one reading for all of them.

use std::net::IpAddr;

use ipnet::IpNet;

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|n| !n.is_empty())
}

/// `10.0.0.7` for `10.0.0.7/32`, as people write it.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// # Errors
/// The first that is no network, with the name of the setting.
pub fn check(name: &str, text: &str) -> Result<(), String> {
    match parts(text).find(|n| network(n).is_none()) {
        Some(wrong) => Err(format!("{name}: {wrong} is no network such as 10.0.0.0/8")),
        None => Ok(()),
    }
}

/// Whether one of them holds the address. An IPv4 address in an IPv6 one, as a
/// listener on `[::]` sees it, is that IPv4 address.
#[must_use]
pub fn hold(text: &str, ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    parts(text)
        .filter_map(network)
        .any(|network| network.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_a_network_and_a_mapped_one_is_what_it_maps() {
        let text = " 10.0.0.7, 192.0.2.0/24 ,2001:db8::/32,";
        check("X", text).unwrap();
        for (ip, held) in [
            ("10.0.0.7", true),
            ("::ffff:10.0.0.7", true),
            ("10.0.0.8", false),
            ("192.0.2.200", true),
            ("::ffff:192.0.2.200", true),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(hold(text, ip.parse().unwrap()), held, "{ip}");
        }
        assert!(!hold("", IpAddr::from([127, 0, 0, 1])));
        let wrong = check("KIKUBARI_X", "10.0.0.0/8, proxy").unwrap_err();
        assert_eq!(wrong, "KIKUBARI_X: proxy is no network such as 10.0.0.0/8");
    }
}

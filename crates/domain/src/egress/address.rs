//! Addresses that lead to the inside, or nowhere. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is none of a server on the internet: loopback, private,
/// link-local, shared, multicast, reserved and documentation networks (IANA's
/// special-purpose registries, RFC 6890), and what leads to any of them: mapped,
/// compatible and translated IPv4 (NAT64), 6to4 and Teredo.
#[must_use]
pub fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_inside_v4(ip),
        IpAddr::V6(ip) => is_inside_v6(ip),
    }
}

fn is_inside_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        // Shared (RFC 6598): the inside of providers and clouds.
        || (a == 100 && (64..128).contains(&b))
        // Benchmarks (RFC 2544).
        || (a == 198 && (b == 18 || b == 19))
        // Protocol assignments, and the relays of 6to4.
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
}

fn is_inside_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    // All that is given out as unicast of the internet is in 2000::/3 (and what
    // translates IPv4 in 64:ff9b::/96): the rest is special, now or one day.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_inside_v4(low(s[6], s[7]));
    }
    if s[0] & 0xe000 != 0x2000 {
        return true;
    }
    let teredo_and_protocols = s[0] == 0x2001 && s[1] < 0x200;
    let documentation = (s[0] == 0x2001 && s[1] == 0xdb8) || (s[0] == 0x3fff && s[1] < 0x1000);
    // Nobody serves by 6to4 any more (RFC 7526): its relays would go anywhere.
    let six_to_four = s[0] == 0x2002;
    teredo_and_protocols || documentation || six_to_four
}

fn low(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_inside_are_told_from_those_outside() {
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.5",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::808:808",
            "64:ff9b:1:2::808:808",
            "100::1",
            "2001::1",
            "2001:0:808:808::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for ip in inside {
            assert!(is_inside(ip.parse().unwrap()), "{ip}");
        }
        let outside = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
            "2400:cb00::1",
            "2606:4700::1111",
            "3fff:1000::1",
        ];
        for ip in outside {
            assert!(!is_inside(ip.parse().unwrap()), "{ip}");
        }
    }
}

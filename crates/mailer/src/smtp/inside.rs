//! Relays inside the network. A tenant names its relay itself: without this
//! list every route would be a way to the database, to the console and to
//! whatever else answers there, with what it answers in the route's state.

/// The relays on inside addresses that routes may lead to, each a host as a
/// route names it, and a port.
#[derive(Debug, Clone, Default)]
pub struct Inside(Places);

#[derive(Debug, Clone)]
enum Places {
    Named(Vec<(String, u16)>),
    Everywhere,
}

impl Default for Places {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Inside {
    /// Reads `KIKUBARI_RELAY_INSIDE`: `host:port`, with commas between.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let places = text.split(',').map(str::trim).filter(|p| !p.is_empty());
        let places = places.map(|place| {
            pair(place).ok_or_else(|| {
                format!("KIKUBARI_RELAY_INSIDE: {place} is no host with its port such as postfix:25 or [fd00::25]:25")
            })
        });
        Ok(Self(Places::Named(places.collect::<Result<_, _>>()?)))
    }

    /// No limit, for tests, whose servers listen wherever a port is free. No
    /// setting says it.
    #[must_use]
    pub fn everywhere() -> Self {
        Self(Places::Everywhere)
    }

    /// Whether the relay that a route names may have an inside address. Only
    /// the name counts: another one that leads to the same address is another
    /// way in, which nobody meant.
    #[must_use]
    pub fn allows(&self, host: &str, port: u16) -> bool {
        match &self.0 {
            Places::Everywhere => true,
            Places::Named(places) => {
                let host = plain(host);
                places.iter().any(|(h, p)| *p == port && *h == host)
            }
        }
    }
}

fn pair(place: &str) -> Option<(String, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    // Without brackets nobody can tell the port of an IPv6 address.
    let is_v6 = host.starts_with('[') && host.ends_with(']');
    let host = plain(host);
    let known = b"-._:";
    let is_name = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || known.contains(&b));
    (!host.is_empty() && is_name && is_v6 == host.contains(':')).then_some((host, port))
}

fn plain(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pairs_of_the_list_are_allowed() {
        let inside = Inside::parse(" postfix:25, [fd00::25]:587 ,").unwrap();
        assert!(inside.allows("postfix", 25) && inside.allows("Postfix.", 25));
        assert!(inside.allows("fd00::25", 587));
        for (host, port) in [
            ("postfix", 5432),
            ("postgres", 25),
            ("169.254.169.254", 25),
            ("fd00::25", 25),
            ("postfix.example.jp", 25),
            ("", 25),
        ] {
            assert!(!inside.allows(host, port), "{host}:{port}");
        }
        assert!(!Inside::parse("").unwrap().allows("postfix", 25));
    }

    #[test]
    fn what_is_no_pair_is_refused_at_start() {
        for wrong in [
            "true",
            "postfix",
            "postfix:",
            ":25",
            "postfix:0",
            "postfix:*",
            "*:25",
            "fd00::25:25",
            "postfix:25;x",
        ] {
            assert!(Inside::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! From where the people of a tenant may come in.

use std::net::IpAddr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Array, Cidr, Nullable};
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::error::{DomainError, FieldError, Result};

/// Most networks of a tenant.
const MOST: usize = 200;
const POINTER: &str = "/allowed_networks";

/// Networks that people may come from; none: from everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Array<Nullable<Cidr>>)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks (`203.0.113.0/24`, `2001:db8::/32`) and single addresses.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with the place of each that is none.
    pub fn parse(texts: &[String]) -> Result<Self> {
        if texts.len() > MOST {
            let detail = format!("has {} networks, at most {MOST} are allowed", texts.len());
            return Err(DomainError::invalid(POINTER, "too_many", detail));
        }
        let mut networks = Vec::with_capacity(texts.len());
        let mut errors = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            match parse_one(text.trim()) {
                Some(network) => networks.push(network),
                None => errors.push(FieldError::new(
                    format!("{POINTER}/{i}"),
                    "malformed",
                    "is no address or network, for example 203.0.113.9 or 203.0.113.0/24",
                )),
            }
        }
        if !errors.is_empty() {
            return Err(DomainError::Invalid(errors));
        }
        networks.sort_unstable();
        networks.dedup();
        Ok(Self(networks))
    }

    /// Whether somebody may come in from there. An address that is not known
    /// is outside of every network.
    #[must_use]
    pub fn admits(&self, ip: Option<IpAddr>) -> bool {
        self.0.is_empty()
            || ip.is_some_and(|ip| {
                let ip = ip.to_canonical();
                self.0.iter().any(|network| network.contains(&ip))
            })
    }

    /// Whether nobody who sets these locks themself out. The operator's command
    /// line has no address.
    ///
    /// # Errors
    /// [`DomainError::Invalid`].
    pub(super) fn check(&self, own: Option<IpAddr>) -> Result<()> {
        match own {
            Some(ip) if !self.admits(Some(ip)) => Err(DomainError::invalid(
                POINTER,
                "own_address_missing",
                format!(
                    "does not hold the address that you come from, {}: you would lock yourself out",
                    ip.to_canonical()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// As people write them: a single address without its length.
    #[must_use]
    pub fn to_texts(&self) -> Vec<String> {
        let whole = |n: &IpNet| n.prefix_len() == n.max_prefix_len();
        let text = |n: &IpNet| {
            if whole(n) {
                n.addr().to_string()
            } else {
                n.to_string()
            }
        };
        self.0.iter().map(text).collect()
    }
}

/// Host bits are taken off; v4 in v6 is v4.
fn parse_one(text: &str) -> Option<IpNet> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(IpNet::from(ip.to_canonical()));
    }
    let network: IpNet = text.parse().ok()?;
    Some(network.trunc())
}

/// What somebody hears who comes from elsewhere.
pub(crate) fn refused() -> DomainError {
    DomainError::Refused {
        code: "address_not_allowed",
        detail: "your company lets people in from certain networks only, and this is none of them"
            .to_owned(),
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.to_texts())
    }
}

impl ToSql<Array<Nullable<Cidr>>, Pg> for Networks {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Array<Nullable<Cidr>>, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<Array<Nullable<Cidr>>, Pg> for Networks {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let rows: Vec<Option<IpNet>> = FromSql::<Array<Nullable<Cidr>>, Pg>::from_sql(value)?;
        Ok(Self(rows.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Result<Networks> {
        let texts: Vec<String> = texts.iter().map(|&t| t.to_owned()).collect();
        Networks::parse(&texts)
    }

    #[test]
    fn networks_of_both_families_and_single_addresses_admit_theirs_only() {
        let office = of(&["203.0.113.77/24", "2001:db8::/32", " 198.51.100.7 "]).unwrap();
        for (ip, inside) in [
            ("203.0.113.1", true),
            ("203.0.114.1", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:1::9", true),
            ("2001:db9::1", false),
            ("::ffff:203.0.113.1", true),
        ] {
            assert_eq!(office.admits(Some(ip.parse().unwrap())), inside, "{ip}");
        }
        assert!(!office.admits(None));
        assert!(Networks::default().admits(None));
        assert_eq!(
            office.to_texts(),
            ["198.51.100.7", "203.0.113.0/24", "2001:db8::/32"]
        );
    }

    #[test]
    fn what_is_no_network_is_named_with_its_place() {
        let Err(DomainError::Invalid(errors)) = of(&["10.0.0.0/8", "10.0.0.0/33", "office"]) else {
            panic!("refused");
        };
        let places: Vec<&str> = errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(places, ["/allowed_networks/1", "/allowed_networks/2"]);
        assert!(of(&["1.1.1.1"; 201]).is_err());
    }

    #[test]
    fn nobody_locks_themself_out() {
        let office = of(&["203.0.113.0/24"]).unwrap();
        assert!(office.check(Some("203.0.113.9".parse().unwrap())).is_ok());
        assert!(office.check(Some("198.51.100.1".parse().unwrap())).is_err());
        assert!(office.check(None).is_ok());
        let nobody = Networks::default();
        assert!(nobody.check(Some("198.51.100.1".parse().unwrap())).is_ok());
    }
}

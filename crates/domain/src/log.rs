//! Logs of both programs: JSON lines in UTC on standard error, without
//! secrets, addresses masked.

use tracing_subscriber::EnvFilter;

/// Starts logging; `KIKUBARI_LOG` (`info`) says how much, in the syntax of
/// tracing's `EnvFilter`.
pub fn init() {
    let filter = EnvFilter::try_from_env("KIKUBARI_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // The driver writes every query's parameters at debug: people's data.
    let filter = match "tokio_postgres=warn".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .init();
}

/// An address as a log may hold it: `t***@example.jp`.
#[must_use]
pub fn mask(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_masked_address_keeps_its_first_letter_and_its_domain() {
        assert_eq!(mask("taro@example.jp"), "t***@example.jp");
        assert_eq!(mask("髙橋@例え.jp"), "髙***@例え.jp");
        assert_eq!(mask("@x"), "***@x");
        assert_eq!(mask("nothing"), "***");
    }
}

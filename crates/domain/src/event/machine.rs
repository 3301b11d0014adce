//! Whether a person or a program opened a mail or followed its link, as far as
//! one request tells. Whoever is in doubt counts as a person; what is a
//! machine's is kept as an event and counted nowhere.

/// Names that scanners, crawlers and libraries give themselves, in lower case.
/// Image proxies of mail services (Gmail, Yahoo) are not here: they fetch when
/// a person opens.
const NAMES: [&str; 31] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "prefetch",
    "monitor",
    "curl/",
    "wget",
    "python-",
    "python/",
    "aiohttp",
    "go-http-client",
    "java/",
    "libwww-perl",
    "lwp::",
    "ruby",
    "node-fetch",
    "axios/",
    "undici",
    "apache-httpclient",
    "winhttp",
    "powershell",
    "headlesschrome",
    "phantomjs",
    "facebookexternalhit",
    "barracuda",
    "proofpoint",
    "mimecast",
    "symantec",
    "trendmicro",
];

/// What a request says of its maker.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub user_agent: &'a str,
    /// HEAD: nobody sees an answer without a body.
    pub is_head: bool,
    /// `Sec-Purpose`, `Purpose` or `X-Moz` says that nobody looks yet.
    pub is_prefetch: bool,
}

/// Whether a machine did it.
#[must_use]
pub fn is_machine(request: Request<'_>) -> bool {
    let agent = request.user_agent.trim().to_ascii_lowercase();
    request.is_head
        || request.is_prefetch
        || agent.is_empty()
        // What Apple's Mail Privacy Protection says, whether the mail is read or not.
        || agent == "mozilla/5.0"
        || NAMES.iter().any(|name| agent.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(user_agent: &str) -> bool {
        is_machine(Request {
            user_agent,
            is_head: false,
            is_prefetch: false,
        })
    }

    #[test]
    fn people_are_told_from_machines_by_what_a_request_says() {
        for person in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; Microsoft Outlook 16.0.17928; ms-office; MSOffice 16)",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0",
        ] {
            assert!(!by(person), "{person}");
        }
        for machine in [
            "",
            "   ",
            "Mozilla/5.0",
            "curl/8.14.1",
            "python-requests/2.32",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Slackbot-LinkExpanding 1.0",
            "BarracudaCentral",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        ] {
            assert!(by(machine), "{machine}");
        }
    }

    #[test]
    fn what_nobody_looks_at_is_a_machines() {
        let person = Request {
            user_agent: "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0",
            is_head: false,
            is_prefetch: false,
        };
        assert!(!is_machine(person));
        assert!(is_machine(Request {
            is_head: true,
            ..person
        }));
        assert!(is_machine(Request {
            is_prefetch: true,
            ..person
        }));
    }
}

//! Reads an answer of HTTP/1.1 (RFC 9112), as much of it as is wanted. Pure.

use httparse::{EMPTY_HEADER, Response, Status};

use super::{EgressError, HEAD};

/// Most lines of a head.
const LINES: usize = 100;

/// An answer, or its beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    /// As it stands there: hostile input.
    pub retry_after: Option<String>,
    /// At most as much as was asked for.
    pub body: Vec<u8>,
    /// Whether that is all of it.
    pub whole: bool,
}

/// How the end of a body is known.
enum Framing {
    Length(usize),
    Chunked,
    /// By the end of the connection.
    Close,
}

/// The answer in what was `read` so far, with `most` bytes of its body; `None`
/// when more has to be read. `ended`: nothing more comes.
pub(super) fn parse(read: &[u8], most: usize, ended: bool) -> Result<Option<Answer>, EgressError> {
    let mut rest = read;
    loop {
        let mut lines = [EMPTY_HEADER; LINES];
        let mut head = Response::new(&mut lines);
        let length = match head.parse(rest) {
            Ok(Status::Complete(length)) if length <= HEAD => length,
            Ok(Status::Partial) if rest.len() <= HEAD => return Ok(None),
            _ => return Err(EgressError::Malformed),
        };
        rest = &rest[length..];
        let status = head.code.ok_or(EgressError::Malformed)?;
        // 100 Continue and its like come before the answer; 101 was not asked for.
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        return body(&head, status, rest, most, ended);
    }
}

fn body(
    head: &Response<'_, '_>,
    status: u16,
    rest: &[u8],
    most: usize,
    ended: bool,
) -> Result<Option<Answer>, EgressError> {
    let header = |name: &str| {
        let mut all = head.headers.iter();
        all.find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let framing = match (header("transfer-encoding"), header("content-length")) {
        _ if status == 204 || status == 304 => Framing::Length(0),
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
        (Some(_), _) => return Err(EgressError::Malformed),
        (None, Some(length)) => {
            Framing::Length(length.parse().map_err(|_| EgressError::Malformed)?)
        }
        (None, None) => Framing::Close,
    };
    let (mut body, mut whole) = match framing {
        Framing::Length(length) => (
            rest[..rest.len().min(length)].to_vec(),
            rest.len() >= length,
        ),
        Framing::Chunked => unchunked(rest)?,
        Framing::Close => (rest.to_vec(), ended),
    };
    let enough = body.len() > most;
    if enough {
        body.truncate(most);
        whole = false;
    }
    Ok((whole || enough || ended).then(|| Answer {
        status,
        content_type: header("content-type"),
        retry_after: header("retry-after"),
        body,
        whole,
    }))
}

/// What is there of a chunked body, and whether that is all (RFC 9112 §7.1).
fn unchunked(mut rest: &[u8]) -> Result<(Vec<u8>, bool), EgressError> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(Status::Complete(found)) => found,
            Ok(Status::Partial) => return Ok((body, false)),
            Err(_) => return Err(EgressError::Malformed),
        };
        if size == 0 {
            return Ok((body, true));
        }
        rest = &rest[start..];
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        body.extend_from_slice(&rest[..rest.len().min(size)]);
        let Some(after) = rest.get(size..).filter(|after| after.len() >= 2) else {
            return Ok((body, false));
        };
        rest = after.strip_prefix(b"\r\n").ok_or(EgressError::Malformed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, ended: bool) -> Option<(u16, String, bool)> {
        let answer = parse(text.as_bytes(), 10, ended).ok().flatten()?;
        let body = String::from_utf8(answer.body).unwrap();
        Some((answer.status, body, answer.whole))
    }

    #[test]
    fn an_answer_is_read_as_far_as_it_is_wanted() {
        let table = [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                (200, "ok", true),
            ),
            (
                "HTTP/1.0 410 Gone\r\ncontent-length: 0\r\n\r\n",
                (410, "", true),
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", (204, "", true)),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
                (201, "", true),
            ),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
                (302, "", true),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n",
                (200, "ok", true),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n0123456789abc",
                (200, "0123456789", false),
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\n0123456789abc",
                (200, "0123456789", false),
            ),
        ];
        for (text, (status, body, whole)) in table {
            assert_eq!(
                read(text, false),
                Some((status, body.to_owned(), whole)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_all_there_waits_or_is_told_as_cut() {
        for text in [
            "",
            "HTTP/1.1 200 OK\r\nContent-",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            "HTTP/1.1 200 OK\r\n\r\nok",
        ] {
            assert_eq!(read(text, false), None, "{text}");
        }
        assert_eq!(
            read("HTTP/1.1 200 OK\r\n\r\nok", true),
            Some((200, "ok".to_owned(), true))
        );
        let cut = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", true);
        assert_eq!(cut, Some((200, "ok".to_owned(), false)));
    }

    #[test]
    fn what_is_no_http_is_refused() {
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(LINES + 1));
        for text in [
            "SSH-2.0-OpenSSH_9\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nokk",
            &endless,
            &many,
        ] {
            assert!(parse(text.as_bytes(), 10, false).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), ended in proptest::bool::ANY) {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            parse(&[head.as_slice(), &bytes].concat(), 50, ended).ok();
            parse(&bytes, 50, ended).ok();
        }
    }
}

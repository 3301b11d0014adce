//! Replies of an SMTP server (RFC 5321 §4.2), read with limits and kept as text.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Longest line and longest reply that are read, in bytes; RFC 5321 §4.5.3.1.5
/// allows 512 a line, real servers say more.
const LINE_MAX: usize = 4096;
const LINES_MAX: usize = 128;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Lines without their codes.
    pub lines: Vec<String>,
}

impl Reply {
    /// Whether the code begins with `digit`.
    #[must_use]
    pub fn is(&self, digit: u16) -> bool {
        self.code / 100 == digit
    }

    /// RFC 3463 status at the beginning of the text, when it is of the class
    /// that the code has.
    #[must_use]
    pub fn enhanced(&self) -> Option<String> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let good = |part: Option<&str>| {
            part.is_some_and(|p| {
                (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit())
            })
        };
        let complete = good(parts.next()) && good(parts.next()) && parts.next().is_none();
        (complete && class == (self.code / 100).to_string()).then(|| word.to_owned())
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// Reads one reply.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] when the line is cut,
/// [`io::ErrorKind::InvalidData`] for what is no reply.
pub async fn read<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<Reply> {
    let mut reply: Option<Reply> = None;
    loop {
        let line = read_line(reader).await?;
        let (code, last, text) = parse_line(&line).ok_or_else(|| invalid("no SMTP reply"))?;
        let reply = reply.get_or_insert(Reply {
            code,
            lines: Vec::new(),
        });
        if reply.code != code {
            return Err(invalid("one reply with two codes"));
        }
        if reply.lines.len() >= LINES_MAX {
            return Err(invalid("a reply without end"));
        }
        reply.lines.push(text);
        if last {
            return Ok(reply.clone());
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

async fn read_line<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(80);
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "connection closed",
            ));
        }
        let end = available.iter().position(|b| *b == b'\n');
        let taken = end.map_or(available.len(), |i| i + 1);
        line.extend_from_slice(&available[..taken]);
        reader.consume(taken);
        if line.len() > LINE_MAX {
            return Err(invalid("a line without end"));
        }
        if end.is_some() {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(line);
        }
    }
}

/// Code, whether it is the last line, and the text.
fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    Some((
        code,
        last,
        String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(text: &[u8]) -> io::Result<Reply> {
        read(&mut &text[..]).await
    }

    #[tokio::test]
    async fn a_reply_of_several_lines_is_one() {
        let reply = read_all(b"250-relay.example.jp\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            .await
            .unwrap();
        assert_eq!(reply.code, 250);
        assert_eq!(reply.lines, ["relay.example.jp", "PIPELINING", "8BITMIME"]);
        assert_eq!(reply.enhanced(), None);
    }

    #[tokio::test]
    async fn the_enhanced_status_is_taken_when_it_fits_the_code() {
        let table: [(&[u8], Option<&str>); 6] = [
            (b"550 5.1.1 no such user\r\n", Some("5.1.1")),
            (b"450-4.2.1 later\r\n450 4.2.1 please\r\n", Some("4.2.1")),
            (b"550 4.1.1 class differs\r\n", None),
            (b"550 5.1 short\r\n", None),
            (b"250 2.0.0\r\n", Some("2.0.0")),
            (b"250\r\n", None),
        ];
        for (line, enhanced) in table {
            assert_eq!(
                read_all(line).await.unwrap().enhanced().as_deref(),
                enhanced,
                "{line:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_reply_is_refused() {
        for bad in [
            &b"hello\r\n"[..],
            b"250-a\r\n550 b\r\n",
            b"999 x\r\n",
            b"25",
            b"250_x\r\n",
        ] {
            assert!(read_all(bad).await.is_err(), "{bad:?}");
        }
        assert!(read_all(&[b'2'; 10_000]).await.is_err());
        assert!(read_all(&b"250-x\r\n".repeat(1000)).await.is_err());
    }
}

//! Lines of a connection, in bounded memory. A line ends in CRLF; what a bare
//! LF or CR means is never guessed: guesses that differ between two servers
//! are how one mail becomes two (SMTP smuggling).

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// How reading a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It is whole, CRLF included.
    Line,
    /// It was longer than asked for, and has been skipped.
    TooLong,
    /// It ended in LF alone.
    BareLf,
    /// The other side closed the connection.
    Closed,
}

/// Reads a command: up to the next LF, at most `max` bytes.
pub(super) async fn command<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    line: &mut Vec<u8>,
    max: usize,
) -> io::Result<Ended> {
    next(reader, line, max, false).await
}

/// Reads a line of a mail: up to the next CRLF; a bare LF is a part of it.
pub(super) async fn content<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    line: &mut Vec<u8>,
    max: usize,
) -> io::Result<Ended> {
    next(reader, line, max, true).await
}

async fn next<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    line: &mut Vec<u8>,
    max: usize,
    only_crlf: bool,
) -> io::Result<Ended> {
    line.clear();
    let mut skipping = false;
    let mut last = 0;
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(Ended::Closed);
        }
        let lf = memchr::memchr(b'\n', buffer);
        let taken = lf.map_or(buffer.len(), |at| at + 1);
        let before = match taken {
            1 => last,
            _ => buffer[taken - 2],
        };
        last = buffer[taken - 1];
        if skipping || line.len() + taken > max {
            skipping = true;
        } else {
            line.extend_from_slice(&buffer[..taken]);
        }
        reader.consume(taken);
        if lf.is_none() {
            continue;
        }
        match (before == b'\r', skipping) {
            (true, false) => return Ok(Ended::Line),
            (true, true) => return Ok(Ended::TooLong),
            (false, _) if only_crlf => {}
            (false, true) => return Ok(Ended::TooLong),
            (false, false) => return Ok(Ended::BareLf),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn contents(bytes: &[u8], buffer: usize, max: usize) -> Vec<(Ended, Vec<u8>)> {
        let mut reader = BufReader::with_capacity(buffer, bytes);
        let mut lines = Vec::new();
        let mut line = Vec::new();
        loop {
            let ended = content(&mut reader, &mut line, max).await.unwrap();
            lines.push((ended, line.clone()));
            if ended == Ended::Closed {
                return lines;
            }
        }
    }

    #[tokio::test]
    async fn only_crlf_ends_a_line_of_a_mail_however_the_bytes_arrive() {
        for buffer in [1, 2, 3, 64] {
            let lines = contents(b"a\n.\n\r.\r\nb\r\n\r\n", buffer, 100).await;
            let expected: [(Ended, &[u8]); 4] = [
                (Ended::Line, b"a\n.\n\r.\r\n"),
                (Ended::Line, b"b\r\n"),
                (Ended::Line, b"\r\n"),
                (Ended::Closed, b""),
            ];
            assert_eq!(lines.len(), expected.len());
            for ((ended, line), (wanted, text)) in lines.iter().zip(expected) {
                assert_eq!(
                    (*ended, line.as_slice()),
                    (wanted, text),
                    "buffer of {buffer}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_line_beyond_the_limit_is_skipped_and_the_next_one_read() {
        let lines = contents(b"0123456789\r\nok\r\n", 4, 6).await;
        assert_eq!(lines[0].0, Ended::TooLong);
        assert_eq!(lines[1], (Ended::Line, b"ok\r\n".to_vec()));
    }

    #[tokio::test]
    async fn a_command_that_ends_in_lf_alone_is_told_from_one_that_ends_in_crlf() {
        let mut reader = BufReader::new(&b"NOOP\nNOOP\r\n"[..]);
        let mut line = Vec::new();
        assert_eq!(
            command(&mut reader, &mut line, 99).await.unwrap(),
            Ended::BareLf
        );
        assert_eq!(
            command(&mut reader, &mut line, 99).await.unwrap(),
            Ended::Line
        );
    }
}

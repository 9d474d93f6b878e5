//! The bytes of the requests, and what the answers must look like.

use std::io;

use crate::workload::Workload;

/// Echo messages differ between neighbouring connections, so that an answer to the wrong one shows;
/// more variants would only cost the generator cache. Large messages have fewer variants, as many as
/// stay within the bytes below.
const VARIANTS: (usize, usize) = (2, 16);
const VARIANT_BYTES: usize = 1024 * 1024;

/// One send carries no more than this, unless a single message is longer.
const SEND_BYTES: usize = 64 * 1024;

/// As many bytes as one connection may have in flight for a socket's buffer to take them at once,
/// whatever the server does.
const AT_ONCE: usize = 64 * 1024;

const GET: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: versus\r\nAccept: */*\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &str = "content-length:";

/// Prepared requests.
pub struct Script {
    workload: Workload,
    request: usize,
    pub depth: usize,
    /// What one send may carry.
    pub per_send: usize,
    /// Each holds `per_send + 1` requests back to back: what one send may carry, and one more, so
    /// that an answer that begins in the middle of a message compares in one piece.
    variants: Vec<Box<[u8]>>,
}

impl Script {
    pub fn new(workload: Workload, size: usize, depth: usize) -> Self {
        let messages: Vec<Vec<u8>> = match workload {
            Workload::Echo | Workload::Work => {
                let (fewest, most) = VARIANTS;
                let fitting = VARIANT_BYTES / size.max(1);
                (0..fitting.clamp(fewest, most))
                    .map(|variant| pattern(variant, size))
                    .collect()
            }
            Workload::Http => vec![GET.to_vec()],
        };
        let request = messages[0].len();
        let per_send = depth.min(SEND_BYTES.div_ceil(request.max(1)));
        Self {
            workload,
            request,
            depth,
            per_send,
            variants: messages
                .iter()
                .map(|message| message.repeat(per_send + 1).into_boxed_slice())
                .collect(),
        }
    }

    /// Whether all that a connection may have outstanding goes out at once: then its sends need no
    /// completions and never overtake each other.
    pub fn sends_at_once(&self) -> bool {
        self.depth * self.request <= AT_ONCE
    }

    /// The length of a request.
    pub fn request(&self) -> usize {
        self.request
    }

    /// `count` requests of a connection, `per_send` at most, in one piece that lives as long as the
    /// script.
    pub fn requests(&self, connection: usize, count: usize) -> &[u8] {
        &self.variant(connection)[..count * self.request]
    }

    /// The first answer's length, once `bytes` hold as much of it as tells.
    ///
    /// # Errors
    /// When the answer is not the one to expect.
    pub fn answer_length(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self.workload {
            Workload::Echo | Workload::Work => Ok(Some(self.request)),
            Workload::Http => http_length(bytes),
        }
    }

    /// Whether a part of an answer, from its byte `offset` on, is as expected. A cheap look at an
    /// HTTP answer: its status line.
    pub fn agrees(&self, connection: usize, offset: usize, bytes: &[u8]) -> bool {
        match self.workload {
            Workload::Echo | Workload::Work => {
                let expected = &self.variant(connection)[offset..];
                bytes.len() <= expected.len() && *bytes == expected[..bytes.len()]
            }
            Workload::Http => offset != 0 || bytes.starts_with(&OK[..OK.len().min(bytes.len())]),
        }
    }

    /// Whether `bytes` are whole answers of `length` each: an HTTP answer's head is parsed again.
    pub fn agrees_fully(&self, connection: usize, length: usize, bytes: &[u8]) -> bool {
        match self.workload {
            Workload::Echo | Workload::Work => self.agrees(connection, 0, bytes),
            Workload::Http => bytes
                .chunks(length)
                .all(|answer| matches!(http_length(answer), Ok(Some(found)) if found == length)),
        }
    }

    fn variant(&self, connection: usize) -> &[u8] {
        &self.variants[connection % self.variants.len()]
    }
}

/// Bytes that tell their position and their variant.
fn pattern(variant: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| (index * 31 + (index >> 8) * 7 + variant * 17) as u8)
        .collect()
}

/// Length of head and body, once the head is complete.
fn http_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = bytes
        .windows(HEAD_END.len())
        .position(|window| window == HEAD_END)
    else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    if !bytes.starts_with(OK) {
        let status = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("the server answers {status:?}")));
    }
    let body: usize = head
        .lines()
        .map(str::to_ascii_lowercase)
        .find_map(|line| line.strip_prefix(LENGTH)?.trim().parse().ok())
        .ok_or_else(|| io::Error::other("an answer without a Content-Length"))?;
    Ok(Some(end + HEAD_END.len() + body))
}

#[cfg(test)]
mod tests {
    use super::{Script, http_length};
    use crate::workload::Workload;

    #[test]
    fn an_answer_is_as_long_as_its_head_and_its_body() {
        let answer =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(
            http_length(answer).expect("a good answer"),
            Some(answer.len())
        );
        assert_eq!(http_length(&answer[..40]).expect("half a head"), None);
        assert!(http_length(b"HTTP/1.1 404 Not Found\r\n\r\n").is_err());
    }

    #[test]
    fn an_echo_of_another_connection_does_not_agree() {
        let script = Script::new(Workload::Echo, 100, 2);
        let sent = script.requests(3, 2);
        assert!(script.agrees(3, 0, sent));
        assert!(script.agrees(3, 50, &sent[50..150]));
        assert!(!script.agrees(4, 0, sent));
        assert!(!script.agrees(3, 1, sent));
    }
    #[test]
    fn a_large_answer_agrees_piece_by_piece() {
        let size = 512 * 1024;
        let script = Script::new(Workload::Echo, size, 16);
        assert_eq!(script.per_send, 1);
        assert!(!script.sends_at_once());
        let sent = script.requests(5, 1);
        let piece = 64 * 1024;
        for offset in (0..size).step_by(piece) {
            assert!(script.agrees(5, offset, &sent[offset..offset + piece]));
        }
        // The end of one answer and the beginning of the next.
        let both = [&sent[size - 100..], &sent[..piece - 100]].concat();
        assert!(script.agrees(5, size - 100, &both));
        assert!(!script.agrees(4, size - 100, &both));
    }
}

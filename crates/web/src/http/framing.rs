//! Request framing, checked on the raw bytes. hyper accepts two Host headers, bare line feeds, and both
//! Content-Length and Transfer-Encoding; a proxy before it may read such a request in another way, and that is how
//! requests are smuggled (RFC 9112 section 11.2). What is ambiguous never reaches the parser: it is replaced by bytes
//! that no parser takes, so the client gets 400 and the connection is closed.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Instant, Sleep, sleep, sleep_until},
};

/// A stream whose incoming bytes are checked.
pub struct Checked<S> {
    stream: S,
    scanner: Scanner,
    refused: bool,
    patience: Patience,
    /// Until when the next bytes of a body must come.
    awaited: Option<Wait>,
    /// Until when the client must take what is sent.
    unread: Option<Pin<Box<Sleep>>>,
}

/// How long a client is waited for in the middle of a request or an answer (`spec` section 5): otherwise a few thousand that send
/// or read a byte a minute keep everybody else out.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For more of a body, and for room to write.
    pub idle: Duration,
    /// For a whole body.
    pub body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), body: Duration::from_mins(5) }
    }
}

struct Wait {
    /// When the body began.
    since: Instant,
    next: Pin<Box<Sleep>>,
}

/// What hyper is given instead of a refused head.
const UNREADABLE: &[u8] = b"\0\r\n\r\n";
/// Largest head: hyper's own limit is lower and answers first.
const HEAD_MAX: usize = 64 * 1024;
/// Longest line with the size of a chunk, extensions included.
const CHUNK_LINE_MAX: usize = 256;

/// Where in the stream of requests we are.
#[derive(Debug)]
enum Scanner {
    Head(Vec<u8>),
    /// The same after a head that asked for another protocol.
    Asked(Vec<u8>),
    /// The answer was yes: what follows is no HTTP.
    Upgraded,
    Body(u64),
    ChunkSize(Vec<u8>),
    ChunkData(u64),
    Trailer(Vec<u8>),
}

impl<S> Checked<S> {
    /// Checks what `stream` receives.
    pub fn new(stream: S, patience: Patience) -> Self {
        let scanner = Scanner::Head(Vec::new());
        Self { stream, scanner, refused: false, patience, awaited: None, unread: None }
    }

    /// Whether the body that is being read comes too slowly. Bytes that came set back the clock, but not that of the whole body.
    fn is_slow(&mut self, came: bool, cx: &mut Context<'_>) -> bool {
        if !self.scanner.is_in_body() {
            self.awaited = None;
            return false;
        }
        let (now, patience) = (Instant::now(), self.patience);
        let until = |since: Instant| (now + patience.idle).min(since + patience.body);
        let wait = self.awaited.get_or_insert_with(|| Wait { since: now, next: Box::pin(sleep_until(until(now))) });
        if came {
            wait.next.as_mut().reset(until(wait.since));
        }
        wait.next.as_mut().poll(cx).is_ready()
    }
}

fn slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client sends or reads too slowly")
}

impl<S: AsyncRead + Unpin> AsyncRead for Checked<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refused {
            return Poll::Ready(Ok(()));
        }
        let start = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {}
            Poll::Pending if this.is_slow(false, cx) => return Poll::Ready(Err(slow())),
            other => return other,
        }
        if let Err(keep) = this.scanner.feed(&buf.filled()[start..]) {
            this.refused = true;
            buf.set_filled(start + keep);
            let room = buf.remaining().min(UNREADABLE.len());
            buf.put_slice(&UNREADABLE[..room]);
        }
        if this.is_slow(true, cx) {
            // A failed read has read nothing.
            buf.set_filled(start);
            return Poll::Ready(Err(slow()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Checked<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Scanner::Asked(head) = &mut this.scanner {
            this.scanner = match bytes {
                [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', b'1', b'0', b'1', b' ', ..] => Scanner::Upgraded,
                _ => Scanner::Head(std::mem::take(head)),
            };
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if written.is_ready() {
            this.unread = None;
            return written;
        }
        let idle = this.patience.idle;
        let wait = this.unread.get_or_insert_with(|| Box::pin(sleep(idle)));
        if wait.as_mut().poll(cx).is_ready() { Poll::Ready(Err(slow())) } else { Poll::Pending }
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Scanner {
    fn is_in_body(&self) -> bool {
        match self {
            Self::Head(_) | Self::Asked(_) | Self::Upgraded => false,
            Self::Body(left) => *left > 0,
            Self::ChunkSize(_) | Self::ChunkData(_) | Self::Trailer(_) => true,
        }
    }

    /// Follows the bytes; `Err(n)` when all but the first `n` of them must not be read.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        let mut head_from = 0;
        while at < bytes.len() {
            let next = match self {
                Self::Upgraded => return Ok(()),
                Self::Head(head) | Self::Asked(head) => {
                    if head.is_empty() {
                        head_from = at;
                    }
                    head.push(bytes[at]);
                    at += 1;
                    if head.len() > HEAD_MAX {
                        return Err(head_from);
                    }
                    // Empty lines before a request are allowed and skipped (RFC 9112 section 2.2).
                    if head.as_slice() == b"\r\n" {
                        head.clear();
                    }
                    let ended = head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n") || head.ends_with(b"\n\r\n");
                    if !ended {
                        continue;
                    }
                    after_head(head).ok_or(head_from)?
                }
                Self::Body(left) | Self::ChunkData(left) => {
                    let here = u64::try_from(bytes.len() - at).unwrap_or(u64::MAX).min(*left);
                    *left -= here;
                    at += usize::try_from(here).unwrap_or(usize::MAX);
                    match (*left, &*self) {
                        (0, Self::Body(_)) => Self::Head(Vec::new()),
                        (0, _) => Self::ChunkSize(Vec::new()),
                        _ => continue,
                    }
                }
                Self::ChunkSize(line) | Self::Trailer(line) => {
                    line.push(bytes[at]);
                    at += 1;
                    if line.len() > CHUNK_LINE_MAX {
                        return Err(at.saturating_sub(line.len()));
                    }
                    if !line.ends_with(b"\n") {
                        continue;
                    }
                    self.after_line().ok_or(at)?
                }
            };
            *self = next;
        }
        Ok(())
    }

    /// What follows a whole line within a chunked body.
    fn after_line(&self) -> Option<Self> {
        match self {
            Self::ChunkSize(line) => {
                let line = line.strip_suffix(b"\r\n")?;
                // The line end that closes the chunk before this size.
                if line.is_empty() {
                    return Some(Self::ChunkSize(Vec::new()));
                }
                let digits = line.split(|b| *b == b';').next().unwrap_or(line);
                let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                Some(if size == 0 { Self::Trailer(Vec::new()) } else { Self::ChunkData(size) })
            }
            Self::Trailer(line) => {
                let line = line.strip_suffix(b"\r\n")?;
                Some(if line.is_empty() { Self::Head(Vec::new()) } else { Self::Trailer(Vec::new()) })
            }
            _ => None,
        }
    }
}

/// What follows a head that can be read in one way only; `None` for any other.
fn after_head(head: &[u8]) -> Option<Scanner> {
    let mut lines = Vec::new();
    for line in head.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r\n")?;
        if line.contains(&b'\r') || line.contains(&0) {
            return None;
        }
        lines.push(line);
    }
    let (request, headers) = lines.split_first()?;
    if !request.ends_with(b" HTTP/1.1") || request.starts_with(b"CONNECT ") {
        return None;
    }
    let (mut host, mut length, mut chunked, mut asks) = (0, None, false, false);
    for line in headers.iter().filter(|l| !l.is_empty()) {
        let colon = line.iter().position(|b| *b == b':')?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"host") {
            host += 1;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            asks = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            if length.is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
                return None;
            }
            length = Some(std::str::from_utf8(value).ok()?.parse().ok()?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            chunked = true;
        }
    }
    match (host, chunked, length) {
        (1, true, None) => Some(Scanner::ChunkSize(Vec::new())),
        (1, false, None | Some(0)) if asks => Some(Scanner::Asked(Vec::new())),
        (1, false, None | Some(0)) => Some(Scanner::Head(Vec::new())),
        (1, false, Some(n)) => Some(Scanner::Body(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Feeds whole, and byte by byte: the verdict must be the same.
    fn passes(text: &str) -> bool {
        let whole = Scanner::Head(Vec::new()).feed(text.as_bytes()).is_ok();
        let mut scanner = Scanner::Head(Vec::new());
        let split = text.bytes().all(|b| scanner.feed(&[b]).is_ok());
        assert_eq!(whole, split, "{text:?}");
        whole
    }

    #[test]
    fn what_is_clear_passes() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nhost:a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\n\n\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nab\n\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nX: y\r\n\r\n",
        ] {
            assert!(passes(text), "{text:?}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_does_not() {
        for rest in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
            "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
            "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
            "Content-Length: +4\r\n\r\nabcd",
            "Content-Length: 0x4\r\n\r\nabcd",
            "Content-Length:\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n",
            "Transfer-Encoding: chunked, identity\r\n\r\n",
            "Transfer-Encoding : chunked\r\n\r\n",
            "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
            "Host: b\r\n\r\n",
            "X: a\nY: b\r\n\r\n",
            "X: a\rb\r\n\r\n",
        ] {
            assert!(!passes(&format!("POST /e HTTP/1.1\r\nHost: x\r\n{rest}")), "{rest:?}");
        }
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "POST /e HTTP/1.1\nHost: x\nContent-Length: 4\n\nabcd",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(!passes(text), "{text:?}");
        }
    }

    /// Another protocol is not read as HTTP, but only after the answer that says so.
    #[tokio::test]
    async fn after_an_upgrade_that_was_granted_anything_passes() {
        let ask = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
        for (answer, granted) in [("HTTP/1.1 101 Switching\r\n\r\n", true), ("HTTP/1.1 400 Bad\r\n\r\n", false)] {
            let (mut client, server) = tokio::io::duplex(4096);
            let mut server = Checked::new(server, Patience::default());
            let mut heard = vec![0; ask.len()];
            client.write_all(ask).await.unwrap();
            server.read_exact(&mut heard).await.unwrap();
            server.write_all(answer.as_bytes()).await.unwrap();
            client.write_all(b"\x81\x02\n\n\n\n").await.unwrap();
            let mut rest = [0; 6];
            server.read_exact(&mut rest).await.ok();
            assert_eq!(rest == *b"\x81\x02\n\n\n\n", granted, "{answer}: {rest:?}");
        }
    }

    #[tokio::test]
    async fn who_sends_or_reads_too_slowly_is_not_waited_for() {
        let patience = Patience { idle: Duration::from_millis(50), body: Duration::from_millis(200) };
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Checked::new(server, patience);
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        // Bytes that drop do not make it longer than a body may take.
        let drops = async {
            while client.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let told = tokio::select! {
            told = server.read_to_end(&mut bytes) => told,
            () = drops => panic!("the server gave up without saying so"),
        };
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::TimedOut);

        let (_client, server) = tokio::io::duplex(64);
        let told = Checked::new(server, patience).write_all(&[b'x'; 1000]).await;
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::TimedOut, "nobody reads");
    }

    #[test]
    fn the_request_before_a_refused_one_is_kept() {
        let good = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let both = [&good[..], b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"].concat();
        assert_eq!(Scanner::Head(Vec::new()).feed(&both), Err(good.len()));
    }
}

//! The part of a stream that is held in memory: it grows while a value is incomplete and is let go once used.

use std::io::{self, Read};

/// How much is read at once when nothing is held.
const STEP: usize = 64 * 1024;

/// A movable view on a stream. It knows the line and byte number of its beginning, and where its first line ends.
#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    held: Vec<u8>,
    at: usize,
    /// Up to where `held` was searched for the end of the line at `at`.
    searched: usize,
    line_end: Option<usize>,
    ended: bool,
    /// 1-based line of the beginning.
    pub line: u64,
    /// Bytes of the stream before the beginning.
    pub offset: u64,
}

impl<R: Read> Window<R> {
    pub fn new(input: R) -> Self {
        Self { input, held: Vec::new(), at: 0, searched: 0, line_end: None, ended: false, line: 1, offset: 0 }
    }

    /// Everything held.
    pub fn rest(&self) -> &[u8] {
        &self.held[self.at..]
    }

    /// What is held of the first line without its line feed, and whether that is the whole line.
    pub fn line(&mut self) -> (&[u8], bool) {
        if self.line_end.is_none() {
            self.line_end = memchr::memchr(b'\n', &self.held[self.searched..]).map(|n| self.searched + n);
            self.searched = self.line_end.unwrap_or(self.held.len());
        }
        (&self.held[self.at..self.searched], self.line_end.is_some() || self.ended)
    }

    /// Whether the stream has ended; what is held may still be unused.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Reads on until twice as much is held, at least one step. `false`: the stream had ended before.
    pub fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.held.drain(..self.at);
        self.searched -= self.at;
        self.line_end = self.line_end.map(|n| n - self.at);
        self.at = 0;
        let mut filled = self.held.len();
        self.held.resize((filled * 2).max(STEP), 0);
        while filled < self.held.len() {
            match self.input.read(&mut self.held[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.held.truncate(filled);
                    self.ended = true;
                    return Err(e);
                }
            }
        }
        self.held.truncate(filled);
        Ok(true)
    }

    /// Lets the first `n` bytes go.
    pub fn consume(&mut self, n: usize) {
        let gone = &self.held[self.at..self.at + n];
        self.line += memchr::memchr_iter(b'\n', gone).count() as u64;
        self.offset += n as u64;
        self.at += n;
        if self.line_end.is_some_and(|end| end < self.at) {
            self.line_end = None;
        }
        self.searched = self.searched.max(self.at);
    }
}

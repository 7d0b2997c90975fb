//! Writes resources one a line, as Bulk Data files hold them.

use crate::json::Json;
use std::io::{self, Write};

/// A writer of NDJSON that counts what it wrote.
#[derive(Debug)]
pub struct NdjsonWriter<W> {
    out: W,
    line: Vec<u8>,
    lines: u64,
    bytes: u64,
}

impl<W: Write> NdjsonWriter<W> {
    /// Writes to `out`, a line in one call.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new(), lines: 0, bytes: 0 }
    }

    /// Writes one resource as one line.
    pub fn write(&mut self, resource: &Json<'_>) -> io::Result<()> {
        self.line.clear();
        writeln!(self.line, "{resource}")?;
        self.out.write_all(&self.line)?;
        self.lines += 1;
        self.bytes += self.line.len() as u64;
        Ok(())
    }

    /// Lines written.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Flushes and gives the underlying writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

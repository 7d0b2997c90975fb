//! Cuts a file into FHIR resources: NDJSON (a resource or a Bundle a line), one resource, or a Bundle of any size.
//!
//! A Bundle is never held as a whole: its entries are cut out one by one. What is held is at most twice the largest
//! resource, and a resource has at most [`MAX_RESOURCE`] bytes. In a file of lines an error costs its line only; in a
//! document of many lines nothing marks where to go on, so an error in its brackets ends it. The bytes of an item are
//! balanced JSON and no more; [`parse`](super::parse()) is the strict reader.

use super::problem::Problem;
use super::scan::{self, Scan};
use super::window::Window;
use crate::json;
use std::io::Read;

/// Bytes of the largest resource that is read.
pub const MAX_RESOURCE: usize = 16 * 1024 * 1024;

/// How the resources of a file are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Lines if the first line is a whole value, else a document.
    #[default]
    Auto,
    /// A value a line, whatever the first line looks like.
    Lines,
    /// Values that may spread over lines.
    Document,
}

/// One resource of a file, not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// 1-based line on which the resource begins.
    pub line: u64,
    /// 1-based number of the Bundle entry, if it came in a Bundle.
    pub entry: Option<u64>,
    /// Bytes of the file before the resource.
    pub offset: u64,
    /// `fullUrl` of the Bundle entry; references of the same Bundle may name it.
    pub full_url: Option<String>,
    /// The resource as it was written.
    pub bytes: Vec<u8>,
}

/// A part of a file that gives no resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// 1-based line of the error.
    pub line: u64,
    /// 1-based number of the Bundle entry.
    pub entry: Option<u64>,
    /// What is wrong.
    pub problem: Problem,
}

/// The resources of one file.
#[derive(Debug)]
pub struct Resources<R> {
    window: Window<R>,
    layout: Layout,
    state: State,
    entry: u64,
    /// Line on which the present entry begins.
    entry_line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Between values.
    Top,
    /// Between members of a Bundle.
    Bundle,
    /// Between entries of a Bundle.
    Entries,
    Done,
}

/// What one step gives: an item, or nothing yet.
type Step = Result<Option<Item>, Problem>;

impl<R: Read> Resources<R> {
    /// Reads `input` in the layout it turns out to have.
    pub fn new(input: R) -> Self {
        Self::with_layout(input, Layout::Auto)
    }

    /// Reads `input` in a known layout; give [`Layout::Lines`] for a file named `.ndjson`.
    pub fn with_layout(input: R, layout: Layout) -> Self {
        Self { window: Window::new(input), layout, state: State::Start, entry: 0, entry_line: 1 }
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::Start => self.start(),
            State::Top => self.top(),
            State::Bundle => self.bundle(),
            State::Entries => self.next_entry(),
            State::Done => Ok(None),
        }
    }

    fn more(&mut self) -> Result<bool, Problem> {
        self.window.more().map_err(|e| Problem::new("", "io", format!("the file cannot be read: {}", e.kind())))
    }

    /// What may be looked at: the line, or everything held. The second is whether no more will come.
    fn region(&mut self) -> (&[u8], bool) {
        if self.layout == Layout::Lines { self.window.line() } else { (self.window.rest(), self.window.ended()) }
    }

    /// Runs `look` over a growing region until it is done.
    fn find<T>(&mut self, look: impl Fn(&[u8]) -> Scan<T>) -> Result<T, Problem> {
        loop {
            let (region, complete) = self.region();
            match look(region) {
                Scan::Done(found) => return Ok(found),
                Scan::Bad => return Err(Problem::new("", "syntax", "this is not JSON")),
                Scan::More if complete => return Err(Problem::new("", "truncated", "the JSON ends too early")),
                Scan::More if region.len() > MAX_RESOURCE => return Err(too_large()),
                Scan::More => self.more()?,
            };
        }
    }

    fn start(&mut self) -> Step {
        self.more()?;
        if self.window.rest().starts_with(b"\xef\xbb\xbf") {
            self.window.consume(3);
        }
        if self.layout == Layout::Auto {
            let rest = self.window.rest();
            let first = &rest[scan::blank(rest, 0)..];
            let spread = memchr::memchr(b'\n', first).is_some_and(|n| scan::value(&first[..n], 0) == Scan::More);
            self.layout = if spread { Layout::Document } else { Layout::Lines };
        }
        self.state = State::Top;
        Ok(None)
    }

    fn top(&mut self) -> Step {
        let blank = scan::blank(self.window.rest(), 0);
        self.window.consume(blank);
        match self.window.rest().first() {
            None => {
                if !self.more()? {
                    self.state = State::Done;
                }
                return Ok(None);
            }
            Some(b'{') => {}
            Some(_) => return Err(Problem::new("", "syntax", "a resource must begin with an opening brace")),
        }
        let bundle = self.find(|region| match scan::is_bundle(region, 0) {
            Scan::Bad => Scan::Done(false),
            told => told,
        });
        match bundle {
            Ok(true) => {
                self.window.consume(1);
                (self.state, self.entry) = (State::Bundle, 0);
                Ok(None)
            }
            // A broken line is given on as it stands, so that the parser says what is wrong and where.
            Ok(false) => self.whole(),
            Err(problem) if problem.code == "truncated" => self.whole(),
            Err(problem) => Err(problem),
        }
    }

    fn whole(&mut self) -> Step {
        let end = if self.layout == Layout::Lines {
            loop {
                let (line, complete) = self.window.line();
                if line.len() > MAX_RESOURCE {
                    return Err(too_large());
                }
                if complete {
                    break line.len();
                }
                self.more()?;
            }
        } else {
            self.find(|region| scan::value(region, 0))?
        };
        if end > MAX_RESOURCE {
            return Err(too_large());
        }
        let item = Item {
            line: self.window.line,
            entry: None,
            offset: self.window.offset,
            full_url: None,
            bytes: self.window.rest()[..end].trim_ascii_end().to_vec(),
        };
        self.window.consume(end);
        Ok(Some(item))
    }

    fn bundle(&mut self) -> Step {
        enum Found {
            End(usize),
            Entries(usize),
            Other(usize),
        }
        let found = self.find(|region| {
            let Some(m) = scan::step!(scan::member(region, 0)) else {
                let close = memchr::memchr(b'}', region).map_or(0, |n| n + 1);
                return Scan::Done(Found::End(close));
            };
            if &region[m.key] == b"entry" && region[m.value] == b'[' {
                return Scan::Done(Found::Entries(m.value + 1));
            }
            Scan::Done(Found::Other(scan::step!(scan::value(region, m.value))))
        })?;
        let (n, state) = match found {
            Found::End(n) => (n, State::Top),
            Found::Entries(n) => (n, State::Entries),
            Found::Other(n) => (n, State::Bundle),
        };
        self.window.consume(n);
        self.state = state;
        Ok(None)
    }

    fn next_entry(&mut self) -> Step {
        // The end of the array, or the range of the next entry.
        let found = self.find(|region| {
            let mut at = scan::blank(region, 0);
            if region.get(at) == Some(&b',') {
                at = scan::blank(region, at + 1);
            }
            match region.get(at) {
                None => Scan::More,
                Some(b']') => Scan::Done(Err(at + 1)),
                Some(b'{') => Scan::Done(Ok(at..scan::step!(scan::value(region, at)))),
                Some(_) => Scan::Bad,
            }
        })?;
        let range = match found {
            Ok(range) => range,
            Err(end) => {
                self.window.consume(end);
                self.state = State::Bundle;
                return Ok(None);
            }
        };
        self.entry += 1;
        self.window.consume(range.start);
        self.entry_line = self.window.line;
        let item = cut_entry(&self.window.rest()[..range.len()]).map(|(at, full_url, bytes)| Item {
            line: self.window.line + memchr::memchr_iter(b'\n', &self.window.rest()[..at]).count() as u64,
            entry: Some(self.entry),
            offset: self.window.offset + at as u64,
            full_url,
            bytes,
        });
        self.window.consume(range.len());
        item.map(Some)
    }

    /// Says where `problem` is.
    fn failure(&self, mut problem: Problem) -> Failure {
        // A whole entry that gives no resource was passed already; anything else is still ahead.
        let passed = is_passed(&problem);
        let ahead = self.window.rest();
        let between = ahead.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b','));
        let lines = between.filter(|b| **b == b'\n').count() as u64;
        let line = if passed { self.entry_line } else { self.window.line + lines };
        let entry = (self.state == State::Entries).then_some(if passed { self.entry } else { self.entry + 1 });
        problem.path = match (entry, self.state) {
            (Some(n), _) => format!("Bundle.entry[{}]", n - 1),
            (None, State::Bundle) => "Bundle".to_owned(),
            (None, _) => String::new(),
        };
        Failure { line, entry, problem }
    }

    /// Goes where reading can be taken up again after an error.
    fn recover(&mut self, problem: &Problem) {
        if is_passed(problem) {
            return;
        }
        self.state = if self.layout == Layout::Lines && problem.code != "io" { State::Top } else { State::Done };
        while self.state == State::Top {
            let (line, complete) = self.window.line();
            let n = line.len();
            self.window.consume(n);
            if complete {
                break;
            }
            if !matches!(self.window.more(), Ok(true)) {
                self.state = State::Done;
            }
        }
    }
}

impl<R: Read> Iterator for Resources<R> {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.state != State::Done {
            match self.step() {
                Ok(None) => {}
                Ok(Some(item)) => return Some(Ok(item)),
                Err(problem) => {
                    let failure = self.failure(problem);
                    self.recover(&failure.problem);
                    return Some(Err(failure));
                }
            }
        }
        None
    }
}

/// The resource of a Bundle entry: where it begins, the entry's `fullUrl`, and its bytes.
fn cut_entry(entry: &[u8]) -> Result<(usize, Option<String>, Vec<u8>), Problem> {
    let missing = || Problem::new("", "no_resource", "the entry holds no resource");
    let mut at = 1;
    let (mut resource, mut full_url) = (None, None);
    while let Scan::Done(Some(m)) = scan::member(entry, at) {
        let Scan::Done(end) = scan::value(entry, m.value) else { return Err(missing()) };
        match &entry[m.key] {
            b"resource" if entry[m.value] == b'{' => resource = Some(m.value..end),
            b"fullUrl" => {
                let value = json::parse(&entry[m.value..end], json::Limits::default());
                full_url = value.ok().and_then(|v| v.as_str().map(str::to_owned));
            }
            _ => {}
        }
        at = end;
    }
    let range = resource.ok_or_else(missing)?;
    if range.len() > MAX_RESOURCE {
        return Err(Problem { code: "too_large_entry", ..too_large() });
    }
    Ok((range.start, full_url, entry[range].to_vec()))
}

fn is_passed(problem: &Problem) -> bool {
    matches!(problem.code, "no_resource" | "too_large_entry")
}

fn too_large() -> Problem {
    Problem::new("", "too_large", format!("a resource may have at most {} MiB", MAX_RESOURCE / 1024 / 1024))
}

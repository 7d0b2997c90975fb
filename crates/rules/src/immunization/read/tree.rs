//! XML as a small tree that knows where each element stands, so that what is wrong can be found in the file.

use quick_xml::{Reader, events::Event};
use salus_core::{Error, Result};

/// An element with its text and its children.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
    line: usize,
}

/// A file being read, for errors.
#[derive(Clone, Copy)]
pub(super) struct File<'a>(pub(super) &'a str);

impl File<'_> {
    /// An error that names file, line and element, and what to do.
    pub(super) fn wrong(self, at: &Element, why: &str) -> Error {
        let place = format!("{} line {}, <{}>: ", self.0, at.line, at.name);
        Error::invalid(
            "supporting",
            "unreadable",
            format!("{place}{why}; correct it or import the published file again"),
        )
    }

    fn broken(self, line: usize, why: &dyn std::fmt::Display) -> Error {
        let message = format!("{} line {line}: {why}; import the published file again", self.0);
        Error::invalid("supporting", "unreadable", message)
    }
}

impl Element {
    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Children of a name that hold anything. An empty element stands for none in these files.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |c| c.name == name && !c.is_empty())
    }

    /// The text of a child, if there is any.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.as_str()).filter(|t| !t.is_empty() && *t != "n/a")
    }

    /// Nothing but empty elements.
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.children.iter().all(Self::is_empty)
    }
}

/// Reads a document into its root element.
///
/// # Errors
/// [`Error::Invalid`] that names the file and the line when it is not well-formed.
pub(super) fn parse(file: File<'_>, bytes: &[u8]) -> Result<Element> {
    let not_utf8 = |valid: usize| file.broken(newlines(&bytes[..valid]) + 1, &"not UTF-8");
    let text = std::str::from_utf8(bytes).map_err(|e| not_utf8(e.valid_up_to()))?.trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    let (mut at, mut line) = (0, 1);
    loop {
        let now = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        line += newlines(&text.as_bytes()[at..now]);
        at = now;
        let event = reader.read_event().map_err(|e| file.broken(line, &e))?;
        let new =
            |name: &[u8]| Element { name: String::from_utf8_lossy(name).into_owned(), line, ..Element::default() };
        match event {
            Event::Start(tag) => open.push(new(tag.local_name().as_ref())),
            Event::Empty(tag) => close(&mut open, new(tag.local_name().as_ref())),
            Event::End(_) => {
                let mut done = open.pop().unwrap_or_default();
                done.text = String::from(done.text.trim());
                close(&mut open, done);
            }
            Event::Text(part) => push_text(&mut open, &part.decode().map_err(|e| file.broken(line, &e))?),
            Event::CData(part) => push_text(&mut open, &part.decode().map_err(|e| file.broken(line, &e))?),
            Event::GeneralRef(name) => {
                let character = name.resolve_char_ref().map_err(|e| file.broken(line, &e))?;
                let known = character.map(String::from).or_else(|| {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    quick_xml::escape::resolve_predefined_entity(&name).map(ToOwned::to_owned)
                });
                push_text(&mut open, &known.ok_or_else(|| file.broken(line, &"unknown entity"))?);
            }
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let whole = open.pop().filter(|_| open.is_empty());
    let root = whole.and_then(|mut w| w.children.pop());
    root.ok_or_else(|| file.broken(line, &"the document ends too early"))
}

fn close(open: &mut [Element], done: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|b| *b == b'\n').count() - 1
}

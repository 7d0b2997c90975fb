//! A strict parser (RFC 8259) that copies only what has escapes. Refused besides broken syntax: invalid UTF-8, a key
//! given twice, values nested or arrays longer than the limits, control characters and lone surrogates in strings.
//! No error repeats text of the source, because that may be health data.

use super::{Json, Object};
use std::borrow::Cow;
use std::collections::HashSet;

/// How much one value may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Arrays and objects within each other.
    pub depth: usize,
    /// Items of an array and members of an object.
    pub items: usize,
    /// Characters of a number.
    pub number: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, items: 100_000, number: 128 }
    }
}

/// Where and why the bytes are no acceptable JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Keys and indexes from the root, such as `name[0].family`; empty at the root.
    pub path: String,
    /// Stable machine word.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// Bytes before the place.
    pub offset: usize,
}

/// Reads exactly one JSON value.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Json<'_>, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|e| ParseError {
        path: String::new(),
        code: "utf8",
        message: "not valid UTF-8".to_owned(),
        offset: e.valid_up_to(),
    })?;
    let mut parser = Parser { text, bytes, at: 0, limits };
    parser.blank();
    let value = parser.value(0)?;
    parser.blank();
    if parser.at < bytes.len() {
        return Err(parser.error("trailing", "there is more after the end of the value"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
}

impl<'a> Parser<'a> {
    fn error(&self, code: &'static str, message: impl Into<String>) -> ParseError {
        ParseError { path: String::new(), code, message: message.into(), offset: self.at }
    }

    fn syntax(&self, expected: &str) -> ParseError {
        let what = if self.at >= self.bytes.len() { "the text ends" } else { "unexpected character" };
        self.error("syntax", format!("{what} where {expected} must stand, at byte {}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, ParseError> {
        match self.peek() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{' | b'[') if depth >= self.limits.depth => {
                Err(self.error("depth", format!("nested deeper than {} levels", self.limits.depth)))
            }
            Some(b'{') => self.object(depth).map(Json::Object),
            Some(b'[') => self.array(depth).map(Json::Array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.syntax("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, ParseError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.syntax("a value"))
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, ParseError> {
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::with_capacity(8);
        let mut seen: HashSet<Cow<'a, str>> = HashSet::new();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax("a key in quotes"));
            }
            let key = self.string()?;
            // Few members are compared one by one, many through a set, so that no input is quadratic.
            if members.len() == 32 {
                seen = members.iter().map(|(k, _)| k.clone()).collect();
            }
            let repeated =
                if members.len() < 32 { members.iter().any(|(k, _)| *k == key) } else { !seen.insert(key.clone()) };
            let value = if repeated {
                Err(self.error("duplicate_key", "the key stands twice"))
            } else if members.len() >= self.limits.items {
                Err(self.error("too_many", format!("more than {} members", self.limits.items)))
            } else {
                self.colon().and_then(|()| self.value(depth + 1))
            };
            match value {
                Ok(value) => members.push((key, value)),
                Err(e) => return Err(e.within_key(&key)),
            }
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Object(members));
                }
                _ => return Err(self.syntax("a comma or a closing brace")),
            }
            self.blank();
        }
    }

    fn colon(&mut self) -> Result<(), ParseError> {
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.syntax("a colon"));
        }
        self.at += 1;
        self.blank();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json<'a>>, ParseError> {
        let mut items = Vec::new();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            if items.len() >= self.limits.items {
                return Err(self.error("too_many", format!("more than {} items", self.limits.items)));
            }
            items.push(self.value(depth + 1).map_err(|e| e.within_index(items.len()))?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(items);
                }
                _ => return Err(self.syntax("a comma or a closing bracket")),
            }
            self.blank();
        }
    }

    fn number(&mut self) -> Result<Json<'a>, ParseError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.syntax("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        if self.at - start > self.limits.number {
            return Err(self.error("number", format!("a number of more than {} characters", self.limits.number)));
        }
        Ok(Json::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax("a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        self.at += 1;
        let mut from = self.at;
        let mut held: Option<String> = None;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(n) = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)) else {
                self.at = self.bytes.len();
                return Err(self.syntax("the closing quote of a string"));
            };
            self.at += n;
            let plain = &self.text[from..self.at];
            match rest[n] {
                b'"' => {
                    self.at += 1;
                    return Ok(match held {
                        None => Cow::Borrowed(plain),
                        Some(text) => Cow::Owned(text + plain),
                    });
                }
                b'\\' => {
                    let text = held.get_or_insert_default();
                    text.push_str(plain);
                    text.push(self.escape()?);
                    from = self.at;
                }
                _ => return Err(self.error("control_character", "a control character in a string must be escaped")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let c = match self.bytes.get(self.at + 1) {
            Some(b'u') => return self.unicode(),
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(*c),
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b' | b'f') => return Err(self.forbidden()),
            _ => return Err(self.syntax("an escape")),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, ParseError> {
        let high = self.hex(self.at + 2)?;
        let mut end = self.at + 6;
        let code = if (0xd800..0xdc00).contains(&high) && self.bytes[end..].starts_with(b"\\u") {
            let low = self.hex(end + 2)?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(self.error("surrogate", "half of a surrogate pair stands alone"));
            }
            end += 6;
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        let c = char::from_u32(code).ok_or_else(|| self.error("surrogate", "half of a surrogate pair stands alone"))?;
        if c < ' ' && !matches!(c, '\t' | '\n' | '\r') {
            return Err(self.forbidden());
        }
        self.at = end;
        Ok(c)
    }

    fn hex(&self, at: usize) -> Result<u32, ParseError> {
        self.bytes
            .get(at..at + 4)
            .and_then(|h| h.iter().try_fold(0, |n, b| Some(n * 16 + char::from(*b).to_digit(16)?)))
            .ok_or_else(|| self.syntax("four hexadecimal digits"))
    }

    /// FHIR R4 datatypes, string: no code points below 32 but tab, carriage return and line feed.
    fn forbidden(&self) -> ParseError {
        self.error("control_character", "a string may hold no control character but tab and line ends")
    }
}

impl ParseError {
    fn within_key(mut self, key: &str) -> Self {
        // A key of the source is named only where it looks like one of FHIR's; anything else may be data.
        let named = !key.is_empty() && key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{}{dot}{}", if named { key } else { "?" }, self.path);
        self
    }

    fn within_index(mut self, index: usize) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }
}

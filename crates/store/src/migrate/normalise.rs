//! SQL as tokens: what makes two files "the same", and where one statement ends.
//!
//! Comments and white space between tokens do not count; the inside of strings, quoted names and dollar quotes
//! counts to the byte. A file's checksum is the SHA-256 of its tokens, so re-indenting or re-wording a comment
//! of an applied migration is no change, while one other token is.

use aws_lc_rs::digest::{SHA256, digest};
use salus_core::{Error, Result};

/// The SHA-256 of the file's tokens, in hex.
pub(crate) fn checksum(sql: &str) -> Result<String> {
    Ok(hex::encode(digest(&SHA256, normalise(sql)?.as_bytes())))
}

/// The tokens of `sql`, one a line.
pub(crate) fn normalise(sql: &str) -> Result<String> {
    let mut out = String::with_capacity(sql.len());
    for token in tokens(sql)? {
        out.push_str(token.text);
        out.push('\n');
    }
    Ok(out)
}

/// The statements of `sql`, without their semicolons; comments before a statement go with it.
pub(crate) fn statements(sql: &str) -> Result<Vec<&str>> {
    let mut found = Vec::new();
    let (mut start, mut depth, mut seen, mut atomic) = (0, 0_i32, false, false);
    let mut last = "";
    for token in tokens(sql)? {
        let end = token.at + token.text.len();
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            // The body of a function in the standard's form holds semicolons of its own.
            t if t.eq_ignore_ascii_case("atomic") && last.eq_ignore_ascii_case("begin") => atomic = true,
            t if atomic && t.eq_ignore_ascii_case("end") && last == ";" => atomic = false,
            ";" if depth == 0 && !atomic => {
                if seen {
                    found.push(sql[start..token.at].trim());
                }
                (start, seen, last) = (end, false, "");
                continue;
            }
            _ => {}
        }
        seen = true;
        last = token.text;
    }
    if seen {
        found.push(sql[start..].trim());
    }
    Ok(found)
}

/// The words a statement begins with, in lower case.
pub(crate) fn words(statement: &str, count: usize) -> Result<Vec<String>> {
    Ok(tokens(statement)?.iter().take(count).map(|t| t.text.to_lowercase()).collect())
}

/// One token and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub text: &'a str,
    pub at: usize,
}

/// Cuts `sql` into tokens, without comments and white space.
pub(crate) fn tokens(sql: &str) -> Result<Vec<Token<'_>>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &sql[at..];
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            at += comment_length(rest).ok_or_else(|| unfinished(sql, at, "comment"))?;
            continue;
        }
        let length = token_length(rest).ok_or_else(|| unfinished(sql, at, "quote"))?;
        found.push(Token { text: &rest[..length], at });
        at += length;
    }
    Ok(found)
}

fn unfinished(sql: &str, at: usize, what: &str) -> Error {
    let line = sql[..at].matches('\n').count() + 1;
    Error::Malformed(format!("the {what} that begins in line {line} does not end"))
}

/// The length of the `/* … */` that `text` begins with; comments nest.
fn comment_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

fn token_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes[0] {
        b'\'' => quoted(text, '\'', false),
        b'"' => quoted(text, '"', false),
        b'$' => match dollar_tag(text) {
            Some(tag) => text[tag.len()..].find(tag).map(|end| end + 2 * tag.len()),
            None => Some(1 + run(&text[1..], |c| c.is_ascii_alphanumeric())),
        },
        b'0'..=b'9' => Some(run(text, |c| c.is_alphanumeric() || c == '.')),
        c if c.is_ascii_alphabetic() || c == b'_' || !c.is_ascii() => word_length(text),
        c if is_operator(c) => Some(operator_length(bytes)),
        _ => Some(1),
    }
}

/// A name or keyword, or a string with a prefix that clings to it: `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`.
fn word_length(text: &str) -> Option<usize> {
    let word = run(text, |c| c.is_alphanumeric() || c == '_' || c == '$');
    let rest = &text[word..];
    let prefix = &text[..word];
    if rest.starts_with('\'') && ["e", "b", "x", "n"].iter().any(|p| prefix.eq_ignore_ascii_case(p)) {
        return quoted(rest, '\'', prefix.eq_ignore_ascii_case("e")).map(|length| word + length);
    }
    if prefix.eq_ignore_ascii_case("u") {
        for quote in ['\'', '"'] {
            if let Some(tail) = rest.strip_prefix('&').filter(|tail| tail.starts_with(quote)) {
                return quoted(tail, quote, false).map(|length| word + 1 + length);
            }
        }
    }
    Some(word)
}

/// The length of a quoted text; a doubled quote stands for itself, and after a backslash anything does in `E'…'`.
fn quoted(text: &str, quote: char, backslash: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return Some(at + 1);
            }
        }
    }
    None
}

/// `$$` or `$tag$`, when `text` begins with one. `$1` is a parameter.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let tag = &text[1..end];
    let named = tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_ascii_digit());
    named.then(|| &text[..=end])
}

fn run(text: &str, part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !part(c)).unwrap_or(text.len())
}

fn is_operator(byte: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&byte)
}

/// An operator ends where a comment begins.
fn operator_length(bytes: &[u8]) -> usize {
    let mut length = 1;
    while length < bytes.len() && is_operator(bytes[length]) {
        if matches!(bytes.get(length..length + 2), Some(b"--" | b"/*")) {
            break;
        }
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        checksum(a).unwrap() == checksum(b).unwrap()
    }

    #[test]
    fn white_space_and_comments_do_not_count() {
        let sql = "CREATE TABLE a (b int, c text DEFAULT 'x');";
        assert!(same(sql, "CREATE TABLE a(\r\n  b int ,c text -- why\n DEFAULT 'x' ) ;"));
        assert!(same(sql, "/* a /* nested */ one */ CREATE\tTABLE a (b int, c text DEFAULT 'x');\n-- end"));
        assert!(same("a-1", "a -/* x */1"));
    }

    #[test]
    fn any_other_token_counts() {
        for (a, b) in [
            ("SELECT 'a b'", "SELECT 'a  b'"),
            ("SELECT $$a b$$", "SELECT $$a  b$$"),
            ("SELECT $f$ -- x\n$f$", "SELECT $f$ -- y\n$f$"),
            ("SELECT \"a b\"", "SELECT \"a  b\""),
            ("SELECT 'it''s --'", "SELECT 'it''s -- '"),
            ("SELECT E'\\' --'", "SELECT E'\\' -- '"),
            ("SELECT 'a', 'b'", "SELECT 'a'', ''b'"),
            ("DROP TABLE a", "DROP TABLE ab"),
            ("SELECT 1 -- '\n, 2", "SELECT 1 -- '\n, 3"),
            ("SELECT a b", "SELECT ab"),
            ("SELECT 'é'", "SELECT 'e'"),
        ] {
            assert!(!same(a, b), "{a} | {b}");
        }
    }

    #[test]
    fn what_does_not_end_is_refused_with_its_line() {
        for sql in ["SELECT 1;\nSELECT 'a", "\n/* /* */", "\nDO $x$ END $$", "\nSELECT E'\\'"] {
            let error = checksum(sql).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }

    #[test]
    fn statements_end_at_their_own_semicolons() {
        let sql =
            "SELECT ';'; DO $$ BEGIN NULL; END $$;\n-- c;\nCREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);;
            CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3";
        let found = statements(sql).unwrap();
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(found[4], "SELECT 3");
        assert_eq!(words(found[2], 2).unwrap(), ["create", "rule"]);
    }

    #[test]
    fn any_spacing_of_the_shipped_files_is_the_same_file() {
        for sql in [
            include_str!("../../../../db/bootstrap.sql"),
            include_str!("../../../../db/replaceable/kernel.sql"),
            include_str!("../../../../db/migrations/00001_kernel.up.sql"),
        ] {
            let apart: Vec<_> = tokens(sql).unwrap().iter().map(|t| t.text).collect();
            for gap in [" ", "\r\n", "/* x -- /* y */ */", " -- ' $$ \n"] {
                assert!(same(sql, &apart.join(gap)), "with {gap:?}");
            }
        }
    }
}

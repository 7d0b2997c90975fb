//! The small grammar of names and definitions in a snapshot, taken apart again.

/// The text before and after the last `mark` outside double quotes.
pub(super) fn cut<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let mut quoted = false;
    let mut found = None;
    for (at, c) in text.char_indices() {
        if !quoted && text[at..].starts_with(mark) {
            found = Some((&text[..at], &text[at + mark.len()..]));
        }
        if c == '"' {
            quoted = !quoted;
        }
    }
    found
}

/// Schema-qualified table and column of `schema.table.column`.
pub(super) fn column(name: &str) -> (&str, &str) {
    cut(name, ".").unwrap_or(("", name))
}

/// What a column or domain is, from `type; collate c; not null; identity …; default …`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Facts<'a> {
    pub data_type: &'a str,
    pub collation: Option<&'a str>,
    pub not_null: bool,
    pub identity: Option<&'a str>,
    pub generated: Option<&'a str>,
    pub default: Option<&'a str>,
}

impl<'a> Facts<'a> {
    pub(super) fn parse(definition: &'a str) -> Self {
        let (data_type, mut rest) = definition.split_once("; ").unwrap_or((definition, ""));
        let mut facts = Self { data_type, ..Self::default() };
        while !rest.is_empty() {
            // An expression comes last and may hold anything.
            if let Some(expression) = rest.strip_prefix("default ") {
                facts.default = Some(expression);
                break;
            }
            if let Some(expression) = rest.strip_prefix("generated ") {
                facts.generated = Some(expression);
                break;
            }
            let (fact, tail) = rest.split_once("; ").unwrap_or((rest, ""));
            if let Some(name) = fact.strip_prefix("collate ") {
                facts.collation = Some(name);
            } else if let Some(when) = fact.strip_prefix("identity ") {
                facts.identity = Some(when);
            } else {
                facts.not_null = fact == "not null";
            }
            rest = tail;
        }
        facts
    }

    /// Type and collation as DDL.
    pub(super) fn with_collation(&self) -> String {
        self.collation.map_or_else(|| self.data_type.to_owned(), |c| format!("{} COLLATE {c}", self.data_type))
    }

    /// Whether PostgreSQL turns `self` into `other` by looking at the catalogue alone.
    pub(super) fn widens_to(&self, other: &Self) -> bool {
        if self.collation != other.collation || self.identity != other.identity || self.generated != other.generated {
            return false;
        }
        let (from, from_size) = sized(self.data_type);
        let (to, to_size) = sized(other.data_type);
        match (from, to) {
            ("character varying", "text") | ("text", "character varying") => to_size.is_none(),
            ("character varying", "character varying") | ("numeric", "numeric") => match (from_size, to_size) {
                (_, None) => true,
                (Some((length, scale)), Some((wider, same))) => length <= wider && scale == same,
                (None, Some(_)) => false,
            },
            _ => false,
        }
    }
}

/// A type and the numbers in its parentheses.
fn sized(data_type: &str) -> (&str, Option<(u32, u32)>) {
    let Some((name, rest)) = data_type.split_once('(') else { return (data_type, None) };
    let mut numbers = rest.trim_end_matches(')').split(',').map(|n| n.trim().parse().unwrap_or(0));
    (name, Some((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))))
}

/// The rights in `INSERT, SELECT*`, and whether each may be handed on.
pub(super) fn rights(definition: &str) -> Vec<(&str, bool)> {
    definition.split(", ").map(|r| r.strip_suffix('*').map_or((r, false), |name| (name, true))).collect()
}

/// A trigger's text and the state behind it: `DISABLE`, `ENABLE ALWAYS` or `ENABLE REPLICA`.
pub(super) fn fires(definition: &str) -> (&str, &str) {
    for state in ["DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"] {
        if let Some(text) = definition.strip_suffix(state).and_then(|t| t.strip_suffix("; ")) {
            return (text, state);
        }
    }
    (definition, "ENABLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_stay_whole() {
        assert_eq!(column(r#"a.b."c.d""#), ("a.b", r#""c.d""#));
        assert_eq!(cut(r#""x ON y" ON a.b"#, " ON "), Some((r#""x ON y""#, "a.b")));
        assert_eq!(cut("none", " ON "), None);
    }

    #[test]
    fn facts_are_taken_apart() {
        let facts = Facts::parse("text; collate pg_catalog.\"C\"; not null; default 'a; not null'::text");
        assert_eq!(facts.with_collation(), "text COLLATE pg_catalog.\"C\"");
        assert!(facts.not_null);
        assert_eq!(facts.default, Some("'a; not null'::text"));
        assert_eq!(Facts::parse("uuid"), Facts { data_type: "uuid", ..Facts::default() });
        assert_eq!(Facts::parse("int; generated (a + 1)").generated, Some("(a + 1)"));
    }

    #[test]
    fn only_free_changes_widen() {
        for (from, to, free) in [
            ("character varying(10)", "text", true),
            ("character varying(10)", "character varying(20)", true),
            ("character varying(20)", "character varying(10)", false),
            ("text", "character varying(10)", false),
            ("numeric(8,2)", "numeric(10,2)", true),
            ("numeric(8,2)", "numeric(10,3)", false),
            ("integer", "bigint", false),
            ("character varying(10); collate x", "text", false),
        ] {
            assert_eq!(Facts::parse(from).widens_to(&Facts::parse(to)), free, "{from} to {to}");
        }
    }

    #[test]
    fn rights_and_states() {
        assert_eq!(rights("INSERT, SELECT*"), [("INSERT", false), ("SELECT", true)]);
        assert_eq!(fires("CREATE TRIGGER a; DISABLE"), ("CREATE TRIGGER a", "DISABLE"));
        assert_eq!(fires("CREATE TRIGGER a"), ("CREATE TRIGGER a", "ENABLE"));
    }
}

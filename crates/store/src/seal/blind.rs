//! Search over sealed values: blind indexes for equality, tokens for names. Both are keyed by tenant; neither keeps
//! an order. Where few values exist there is no index at all (`kernel.classify` is only for high cardinality).

use super::{Secret, derive, hmac};
use aws_lc_rs::hmac as mac;
use salus_core::{Result, text};
use std::{
    collections::{BTreeSet, HashMap},
    sync::RwLock,
};

/// How a sealed column is searched; `kernel.fields.search`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Search {
    Exact,
    Identifier,
    Phone,
    Email,
    Date,
    Postal,
    Name,
}

impl Search {
    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "exact" => Self::Exact,
            "identifier" => Self::Identifier,
            "phone" => Self::Phone,
            "email" => Self::Email,
            "date" => Self::Date,
            "postal" => Self::Postal,
            "name" => Self::Name,
            _ => return None,
        })
    }

    /// The form in which two spellings of one value are equal.
    #[must_use]
    pub fn normalise(self, value: &str) -> String {
        match self {
            Self::Exact | Self::Date => value.trim().to_owned(),
            Self::Identifier => text::identifier(value),
            Self::Phone => text::phone(value),
            Self::Email => text::email(value),
            Self::Postal => text::postal(value),
            Self::Name => text::fold(value),
        }
    }
}

/// The key of a tenant's blind indexes and tokens, with the keys derived from it for each column.
pub struct IndexKey {
    /// Its number among the tenant's keys.
    pub(crate) key_no: u64,
    secret: Secret,
    columns: RwLock<HashMap<u32, mac::Key>>,
    tokens: mac::Key,
    cursors: Secret,
}

/// Shortest and longest prefix of a word that is indexed.
const PREFIX: std::ops::RangeInclusive<usize> = 3..=8;
/// Signs of a word without spaces that are looked up; the opened names decide about the rest.
const SIGNS: usize = 4;

impl IndexKey {
    pub(crate) fn new(key_no: u64, secret: Secret) -> Result<Self> {
        let tokens = derive(&[], &secret[..], &[b"salus/token/v1"])?;
        Ok(Self {
            columns: RwLock::default(),
            tokens: mac::Key::new(mac::HMAC_SHA256, &tokens[..]),
            cursors: derive(&[], &secret[..], &[b"salus/cursor/v1"])?,
            secret,
            key_no,
        })
    }

    /// The key that seals list cursors.
    pub(crate) fn cursors(&self) -> &Secret {
        &self.cursors
    }

    /// The blind index of a value in a column: HMAC-SHA-256 of its normal form, first 16 bytes.
    pub fn blind(&self, column: u32, search: Search, value: &str) -> Result<Vec<u8>> {
        self.digest(column, search.normalise(value).as_bytes()).map(|d| d[..16].to_vec())
    }

    /// The full keyed digest of bytes that belong to a column.
    pub fn digest(&self, column: u32, bytes: &[u8]) -> Result<[u8; 32]> {
        if let Some(key) = self.columns.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&column) {
            return Ok(hmac(key, &[bytes]));
        }
        let key = derive(&[], &self.secret[..], &[b"salus/bidx/v1", &column.to_be_bytes(), &[1]])?;
        let key = mac::Key::new(mac::HMAC_SHA256, &key[..]);
        let out = hmac(&key, &[bytes]);
        self.columns.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(column, key);
        Ok(out)
    }

    /// Every token under which a row with these names is found.
    #[must_use]
    pub fn tokens(&self, table: &str, names: &[&str]) -> BTreeSet<[u8; 4]> {
        let mut out = BTreeSet::new();
        for word in names.iter().flat_map(|n| name_words(n)) {
            if is_ideographic(&word) {
                out.extend(word.chars().map(|c| self.token(table, b'w', c.encode_utf8(&mut [0; 4]))));
                continue;
            }
            self.word_tokens(table, &word, &mut out);
        }
        out
    }

    /// The tokens that the names of a row were given when they were folded in their first form, and are not any more:
    /// to take away where a row is written, indexed anew or erased.
    #[must_use]
    pub fn tokens_before(&self, table: &str, names: &[&str]) -> BTreeSet<[u8; 4]> {
        let mut out = BTreeSet::new();
        for folded in names.iter().map(|n| text::fold_before(n)) {
            for word in folded.split(' ').filter(|w| !w.is_empty()) {
                self.word_tokens(table, word, &mut out);
            }
        }
        let now = self.tokens(table, names);
        out.retain(|token| !now.contains(token));
        out
    }

    fn word_tokens(&self, table: &str, word: &str, out: &mut BTreeSet<[u8; 4]>) {
        let chars: Vec<char> = word.chars().collect();
        if chars.len() < *PREFIX.start() {
            out.insert(self.token(table, b'w', word));
        }
        for len in PREFIX.take_while(|n| *n <= chars.len()) {
            out.insert(self.token(table, b'p', &chars[..len].iter().collect::<String>()));
        }
        if let Some(sound) = sound(word) {
            out.insert(self.token(table, b's', &sound));
        }
    }

    /// The tokens to look up for one word that a person typed: it, or a word it begins; for Han, kana and Hangul the
    /// signs of it, wherever they stand.
    #[must_use]
    pub fn prefix_tokens(&self, table: &str, word: &str) -> Vec<[u8; 4]> {
        if is_ideographic(word) {
            let mut signs: Vec<char> = Vec::new();
            for c in word.chars() {
                if signs.len() < SIGNS && !signs.contains(&c) {
                    signs.push(c);
                }
            }
            return signs.iter().map(|c| self.token(table, b'w', c.encode_utf8(&mut [0; 4]))).collect();
        }
        if word.chars().count() < *PREFIX.start() {
            return vec![self.token(table, b'w', word)];
        }
        vec![self.token(table, b'p', &word.chars().take(*PREFIX.end()).collect::<String>())]
    }

    /// The token to look up for words that sound like it; `None` for words without Latin sounds.
    #[must_use]
    pub fn sound_token(&self, table: &str, word: &str) -> Option<[u8; 4]> {
        sound(word).map(|s| self.token(table, b's', &s))
    }

    fn token(&self, table: &str, kind: u8, text: &str) -> [u8; 4] {
        let full = hmac(&self.tokens, &[table.as_bytes(), &[0, kind], text.as_bytes()]);
        [full[0], full[1], full[2], full[3]]
    }
}

/// The words of a name in the form in which they are compared. Where a script with spaces meets one without, a word ends.
#[must_use]
pub fn name_words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text::fold(name).split(' ').filter(|w| !w.is_empty()) {
        let mut before = None;
        for c in word.chars() {
            // A mark belongs to the letter before it.
            let kind = if c.is_alphanumeric() { Some(text::is_ideographic(c)) } else { before };
            match out.last_mut().filter(|_| before.is_some() && kind == before) {
                Some(last) => last.push(c),
                None => out.push(c.to_string()),
            }
            before = kind.or(Some(false));
        }
    }
    out
}

/// Whether a folded word is written in Han, kana or Hangul.
#[must_use]
pub fn is_ideographic(word: &str) -> bool {
    word.chars().next().is_some_and(text::is_ideographic)
}

/// The Double Metaphone code of a folded word.
fn sound(word: &str) -> Option<String> {
    if word.len() < 3 || !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    Some(rphonetic::Encoder::encode(&rphonetic::DoubleMetaphone::default(), word)).filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::random_secret;

    #[test]
    fn finds_words_prefixes_and_sounds() {
        let key = IndexKey::new(1, random_secret().unwrap()).unwrap();
        let held = key.tokens("t", &["João-Pedro", "Conceição Li"]);
        for typed in ["joa", "joao", "pedro", "ped", "conceicao", "li"] {
            assert!(key.prefix_tokens("t", typed).iter().all(|t| held.contains(t)), "{typed}");
        }
        for typed in ["oao", "edro", "lia", "jo"] {
            assert!(!key.prefix_tokens("t", typed).iter().all(|t| held.contains(t)), "{typed}");
        }
        assert!(held.contains(&key.sound_token("t", "petro").unwrap()));
        assert!(!held.contains(&key.prefix_tokens("other", "pedro")[0]));
    }

    #[test]
    fn finds_signs_of_names_without_spaces_and_no_more_tokens_for_others() {
        let key = IndexKey::new(1, random_secret().unwrap()).unwrap();
        let held = key.tokens("t", &["王", "小明", "Kim민수"]);
        for typed in ["王", "小", "明", "王小明", "小明", "민", "민수", "kim"] {
            assert!(key.prefix_tokens("t", typed).iter().all(|t| held.contains(t)), "{typed}");
        }
        assert!(!key.prefix_tokens("t", "王大明").iter().all(|t| held.contains(t)));
        assert_eq!(held.len(), 1 + 2 + 2 + 2, "one a sign, and kim with its sound");
        let latin = ["Conceição", "Müller-Lüdenscheidt", "Li"];
        assert!(key.tokens_before("t", &latin).is_empty(), "names of Latin-1 are indexed as before");
        let before = key.tokens_before("t", &["Nguyễn"]);
        assert_eq!(before.len(), 2, "nguyễ and nguyễn; ngu and nguy are prefixes still");
        assert!(before.is_disjoint(&key.tokens("t", &["Nguyễn"])));
    }

    #[test]
    fn a_word_ends_where_another_way_of_writing_begins() {
        assert_eq!(name_words("Kim민수 Ana"), ["kim", "민수", "ana"]);
        assert_eq!(name_words("王小明"), ["王小明"]);
        assert_eq!(name_words("क्षेत्री"), ["क्षेत्री"]);
    }

    #[test]
    fn blind_indexes_differ_by_column_and_key_but_not_by_spelling() {
        let (a, b) = (random_secret().unwrap(), random_secret().unwrap());
        let (a, b) = (IndexKey::new(1, a).unwrap(), IndexKey::new(2, b).unwrap());
        let one = a.blind(1, Search::Phone, "+55 (11) 98765-4321").unwrap();
        assert_eq!(one, a.blind(1, Search::Phone, "0055 11 987654321").unwrap());
        assert_eq!(one.len(), 16);
        assert_ne!(one, a.blind(2, Search::Phone, "+5511987654321").unwrap());
        assert_ne!(one, b.blind(1, Search::Phone, "+5511987654321").unwrap());
    }
}

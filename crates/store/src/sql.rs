//! Statements written beside their caller. A test finds every `sql!("…")` in the workspace and prepares it against
//! the migrated database, so a renamed column fails there and not in front of a user.

/// A statement that is part of the program's text.
#[derive(Debug, Clone, Copy)]
pub struct Sql(&'static str);

impl Sql {
    /// For the macro only.
    #[doc(hidden)]
    #[must_use]
    pub const fn registered(text: &'static str) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.0
    }
}

/// A static SQL statement: `sql!("SELECT 1")`.
#[macro_export]
macro_rules! sql {
    ($text:literal) => {
        $crate::Sql::registered($text)
    };
}

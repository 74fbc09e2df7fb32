//! Where an event was published: [`CallSite`].
//!
//! The macro makes one static for each place in the source; an event points to it, and owns none of it.

use std::fmt;

/// The place in the source that published an event, and the names of the fields it gives.
///
/// ```
/// # let site = ringbus::CallSite::new("src/db.rs", 7, "app::db", &["code", "waited_ms"]);
/// // Given a `site`, by an event that `publish_event!` has made:
/// assert_eq!(site.to_string(), "src/db.rs:7");
/// assert_eq!(site.module(), "app::db");
/// assert_eq!(site.fields(), ["code", "waited_ms"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallSite {
    file: &'static str,
    line: u32,
    module: &'static str,
    fields: &'static [&'static str],
}

impl CallSite {
    /// For the macro, which knows them all.
    #[doc(hidden)]
    pub const fn new(file: &'static str, line: u32, module: &'static str, fields: &'static [&'static str]) -> Self {
        Self { file, line, module, fields }
    }

    /// The file, as the compiler was given it.
    ///
    /// ```
    /// # let site = ringbus::CallSite::new("src/db.rs", 7, "app::db", &[]);
    /// assert_eq!(site.file(), "src/db.rs");
    /// ```
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// The line, from 1.
    ///
    /// ```
    /// # let site = ringbus::CallSite::new("src/db.rs", 7, "app::db", &[]);
    /// assert_eq!(site.line(), 7);
    /// ```
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// The path of the module.
    ///
    /// ```
    /// # let site = ringbus::CallSite::new("src/db.rs", 7, "app::db", &[]);
    /// assert_eq!(site.module(), "app::db");
    /// ```
    pub const fn module(&self) -> &'static str {
        self.module
    }

    /// The names of the fields, in the order of the values.
    ///
    /// ```
    /// # let site = ringbus::CallSite::new("src/db.rs", 7, "app::db", &["code"]);
    /// assert_eq!(site.fields(), ["code"]);
    /// ```
    pub const fn fields(&self) -> &'static [&'static str] {
        self.fields
    }
}

impl fmt::Display for CallSite {
    /// `file:line`, as editors and terminals take it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static HERE: CallSite = CallSite::new(file!(), line!(), module_path!(), &["a", "b.c"]);

    #[test]
    fn a_static_site_says_where_it_is() {
        let line = line!() - 4;
        assert_eq!((HERE.file(), HERE.line(), HERE.module()), (file!(), line, module_path!()));
        assert_eq!(HERE.fields(), ["a", "b.c"]);
        assert_eq!(HERE.to_string(), format!("{}:{line}", file!()));
    }
}

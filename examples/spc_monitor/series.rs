//! Measurements as text: CSV of `characteristic,subgroup,value`, one measurement a line.
//!
//! Empty lines, lines that begin with `#`, and a first line of those three names are passed over. A line that is not as it
//! should be becomes a [`LineError`], which says where and what is allowed, and reading goes on with the next; only a file
//! that cannot be read ends it. There is no quoting. A line takes no more memory than [`LONGEST_LINE`].

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read};

/// The three columns' names, as a first line may tell them.
pub(crate) const HEADER: &str = "characteristic,subgroup,value";

/// Bytes of the longest line.
const LONGEST_LINE: usize = 1024;

/// Characters of the longest name.
const LONGEST_NAME: usize = 64;

/// The largest value, either way.
const LARGEST: f64 = 1e100;

/// A line of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) characteristic: String,
    pub(crate) subgroup: u64,
    pub(crate) value: f64,
}

/// Reads a series; after an error of the file there is nothing more.
pub(crate) struct Series<R> {
    source: R,
    line: u64,
    /// A first line of names may still come.
    begins: bool,
    ended: bool,
}

/// Why there is no row.
#[derive(Debug)]
pub(crate) enum SeriesError {
    /// This line is not as it should be; the next may be.
    Line(LineError),
    /// The file cannot be read.
    File { line: u64, error: io::Error },
}

/// A line that is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineError {
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It has another number of columns.
    Columns {
        found: usize,
    },
    /// A column holds what it may not.
    Value {
        column: Column,
        found: String,
    },
    TooLong,
    NotText,
}

/// A column of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Characteristic,
    Subgroup,
    Value,
}

// === impl Series ===

impl<R: BufRead> Series<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, line: 0, begins: true, ended: false }
    }

    /// The next line without its end; `None` after the last.
    fn line(&mut self) -> io::Result<Option<Result<String, Problem>>> {
        let mut bytes = Vec::new();
        // One more than is allowed, and its end.
        let most = LONGEST_LINE as u64 + 2;
        if (&mut self.source).take(most).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let whole = bytes.last() == Some(&b'\n');
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() > LONGEST_LINE {
            if !whole {
                self.skip_line()?;
            }
            return Ok(Some(Err(Problem::TooLong)));
        }
        Ok(Some(String::from_utf8(text.to_vec()).map_err(|_| Problem::NotText)))
    }

    /// Passes over the rest of a line.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let passed = end.map_or(buffer.len(), |end| end + 1);
            self.source.consume(passed);
            if end.is_some() || passed == 0 {
                return Ok(());
            }
        }
    }

    /// The row in a line, if it is not one to be passed over.
    fn row(&mut self, text: &str) -> Option<Result<Row, Problem>> {
        // Some programs begin a file with a byte order mark.
        let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text }.trim();
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        if std::mem::take(&mut self.begins) && text == HEADER {
            return None;
        }
        Some(parse(self.line, text))
    }
}

impl<R: BufRead> Iterator for Series<R> {
    type Item = Result<Row, SeriesError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let row = match self.line() {
                Ok(None) => {
                    self.ended = true;
                    return None;
                }
                Ok(Some(text)) => match text {
                    Ok(text) => self.row(&text),
                    Err(problem) => Some(Err(problem)),
                },
                Err(error) => {
                    self.ended = true;
                    return Some(Err(SeriesError::File { line: self.line + 1, error }));
                }
            };
            if let Some(row) = row {
                return Some(row.map_err(|problem| SeriesError::Line(LineError { line: self.line, problem })));
            }
        }
        None
    }
}

fn parse(line: u64, text: &str) -> Result<Row, Problem> {
    let columns: Vec<&str> = text.split(',').map(str::trim).collect();
    let &[name, subgroup, value] = columns.as_slice() else {
        return Err(Problem::Columns { found: columns.len() });
    };
    let wrong = |column, found: &str| Problem::Value { column, found: found.to_owned() };
    let nameable = |name: &str| !name.chars().any(|c| c.is_control() || c == '"') && !name.is_empty();
    if !nameable(name) || name.chars().count() > LONGEST_NAME {
        return Err(wrong(Column::Characteristic, name));
    }
    Ok(Row {
        line,
        characteristic: name.to_owned(),
        subgroup: subgroup.parse().map_err(|_| wrong(Column::Subgroup, subgroup))?,
        // No number and infinity are no numbers up to the largest.
        value: value
            .parse()
            .ok()
            .filter(|value: &f64| value.abs() <= LARGEST)
            .ok_or_else(|| wrong(Column::Value, value))?,
    })
}

// === impl Column, errors ===

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Characteristic => "characteristic",
            Self::Subgroup => "subgroup",
            Self::Value => "value",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} ({})", *self as u8 + 1, self.name())
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match &self.problem {
            Problem::Columns { found } => write!(f, ": {found} columns; 3 are needed: {HEADER}"),
            Problem::TooLong => write!(f, ": longer than {LONGEST_LINE} bytes"),
            Problem::NotText => f.write_str(": no UTF-8 text"),
            Problem::Value { column, found } => {
                let shown: String = found.chars().take(24).collect();
                let more = if shown.len() < found.len() { "…" } else { "" };
                write!(f, ", {column}: {shown:?}{more} is not allowed; ")?;
                match column {
                    Column::Characteristic => {
                        write!(f, "a name of 1 to {LONGEST_NAME} characters, no quotes or control characters, is")
                    }
                    Column::Subgroup => write!(f, "a whole number from 0 to {} is", u64::MAX),
                    Column::Value => write!(f, "a decimal number from -{LARGEST:e} to {LARGEST:e} is"),
                }
            }
        }
    }
}

impl Error for LineError {}

impl fmt::Display for SeriesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::File { line, error } => write!(f, "cannot be read from line {line} on: {error}"),
        }
    }
}

impl Error for SeriesError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Line(_) => None,
            Self::File { error, .. } => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and errors as text, in turn.
    fn read(text: impl AsRef<[u8]>) -> Vec<String> {
        let told = |row: Result<Row, SeriesError>| match row {
            Ok(Row { line, characteristic, subgroup, value }) => format!("{line} {characteristic} {subgroup} {value}"),
            Err(error) => error.to_string(),
        };
        Series::new(text.as_ref()).map(told).collect()
    }

    #[test]
    fn rows_are_read_and_what_is_between_them_is_passed_over() {
        let text =
            "\u{feff}# made by hand\r\n\r\ncharacteristic,subgroup,value\r\nbore, 1 ,25.01\r\n\n# more\nlänge,2,-3e-2";
        assert_eq!(read(text), ["4 bore 1 25.01", "7 länge 2 -0.03"]);
        assert_eq!(read(""), Vec::<String>::new());
    }

    #[test]
    fn a_line_that_is_no_row_says_where_and_what_is_allowed_and_the_next_is_read() {
        let number = "a decimal number from -1e100 to 1e100 is";
        let name = "a name of 1 to 64 characters, no quotes or control characters, is";
        let cases = [
            ("a,1", "line 1: 2 columns; 3 are needed: characteristic,subgroup,value".to_owned()),
            ("a,1,2,3", "line 1: 4 columns; 3 are needed: characteristic,subgroup,value".to_owned()),
            (",1,2", format!("line 1, column 1 (characteristic): \"\" is not allowed; {name}")),
            ("\"a\",1,2", format!("line 1, column 1 (characteristic): \"\\\"a\\\"\" is not allowed; {name}")),
            (
                "a,-1,2",
                format!("line 1, column 2 (subgroup): \"-1\" is not allowed; a whole number from 0 to {} is", u64::MAX),
            ),
            ("a,1,2.5mm", format!("line 1, column 3 (value): \"2.5mm\" is not allowed; {number}")),
            ("a,1,", format!("line 1, column 3 (value): \"\" is not allowed; {number}")),
            ("a,1,NaN", format!("line 1, column 3 (value): \"NaN\" is not allowed; {number}")),
            ("a,1,1e400", format!("line 1, column 3 (value): \"1e400\" is not allowed; {number}")),
        ];
        for (line, error) in cases {
            assert_eq!(read(format!("{line}\nb,1,2")), [error, "2 b 1 2".to_owned()]);
        }
        let long = "x".repeat(65);
        assert!(read(format!("{long},1,2"))[0].contains("\"xxxxxxxxxxxxxxxxxxxxxxxx\"… is not"), "shortened");
        assert_eq!(read(format!("{},1,2", &long[1..])).len(), 1);
        assert!(read(format!("a,1,2\n{HEADER}"))[1].starts_with("line 2, column 2"), "names come first");
    }

    #[test]
    fn a_line_may_have_so_many_bytes_and_must_be_text() {
        let comment = |bytes: usize| format!("#{}", "-".repeat(bytes - 1));
        let after = |first: String| read([first.as_bytes(), b"\nb,1,2"].concat());
        assert_eq!(after(comment(LONGEST_LINE)), ["2 b 1 2"]);
        assert_eq!(after(comment(LONGEST_LINE) + "\r"), ["2 b 1 2"]);
        for bytes in [1, 2, 3, 5_000] {
            assert_eq!(after(comment(LONGEST_LINE + bytes)), ["line 1: longer than 1024 bytes", "2 b 1 2"]);
        }
        assert_eq!(read(comment(99_999)), ["line 1: longer than 1024 bytes"]);
        assert_eq!(read(b"a\xff,1,2\nb,1,2"), ["line 1: no UTF-8 text", "2 b 1 2"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_ends_the_series() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let rows = Series::new(io::BufReader::new((&b"a,1,2\n"[..]).chain(Broken)));
        let told: Vec<_> = rows.map(|row| row.map_err(|error| error.to_string())).collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].as_ref().unwrap_err(), "cannot be read from line 2 on: the disk is gone");
    }
}

//! Figures as people read them: three digits that count, and a unit.

/// A time: `12.3 ns`, `1.50 µs`, `230 ms`.
pub(super) fn ns(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 999.5 => (ns, "ns"),
        ns if ns < 999_500.0 => (ns / 1e3, "µs"),
        ns if ns < 999_500_000.0 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// A figure without a unit; zeros at the end of a fraction are left out.
pub(super) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        value if value < 0.0995 => 4,
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Text for a cell of a table.
pub(super) fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let times = [0.5, 9.99, 50.0, 150.2, 999.6, 12_345.0, 2.5e6, 3.1e9].map(ns);
        assert_eq!(times, ["0.50 ns", "9.99 ns", "50.0 ns", "150 ns", "1.00 µs", "12.3 µs", "2.50 ms", "3.10 s"]);
    }

    #[test]
    fn figures_leave_out_what_says_nothing() {
        assert_eq!(
            [0.0, 1.0, 2.5, 0.333, 0.0125, 41.26, 1129.0].map(figure),
            ["0", "1", "2.5", "0.33", "0.0125", "41.3", "1129"]
        );
    }
}

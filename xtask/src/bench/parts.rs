//! The report's last section: where the time of a publish goes, part by part, beside each part alone.
//!
//! The floor is the sum of the parts alone: what a publish would take if putting them together cost nothing. It is the
//! yardstick of the row `parts`, which was measured in turn with the publish; the parts told may be more than those.

use std::fmt::Write as _;

use super::lines::Lines;
use super::words::{figure, ns, plain};

/// The section; `written` is what was written by hand about the way there.
pub(super) fn section(lines: &Lines, written: Option<String>) -> String {
    let mut text = String::from("\n## Where the time of a publish goes\n\n");
    if lines.parts.is_empty() {
        text.push_str("**Not measured.**\n");
    } else {
        text.push_str("| part | in a publish | alone | alone, of the publish |\n|---|---|---|---|\n");
        let whole = lines.pair("parts").map(|pair| pair.our_ns).filter(|ns| *ns > 0.0);
        for part in &lines.parts {
            let share = whole.map_or_else(|| "–".to_owned(), |whole| format!("{:.0} %", 100.0 * part.alone / whole));
            let inside = part.inside.map_or_else(|| "–".to_owned(), ns);
            let (name, alone) = (plain(&part.name), ns(part.alone));
            let _ = writeln!(text, "| {name} | {inside} | {alone} | {share} |");
        }
        text.push_str(
            "\nIn a publish: the median of whole publishes less that of publishes without the part; where these wander by more \
             than the part takes, the difference may be below zero. A further handler is one that is added.\n",
        );
        if let Some(pair) = lines.pair("parts").filter(|pair| pair.its_ns > 0.0) {
            let times = if pair.ratio > 0.0 { 1.0 / pair.ratio } else { 0.0 };
            let _ = write!(
                text,
                "\nThe floor is the sum of the parts alone. Measured in turn with it: the parts {}, the publish {}, {} times \
                 the floor. What lies between is what putting them together costs: calls, moves, and the places that they \
                 take from each other in the processor.\n",
                ns(pair.its_ns),
                ns(pair.our_ns),
                figure(times)
            );
        }
    }
    if let Some(written) = written {
        let _ = write!(text, "\n{}\n", written.trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_beside_themselves_alone_with_the_floor_below() {
        let text = "part\tclock\t-\t6\npart\tfields\t5\t3\npair\tparts\tw\tringbus\tparts\t24\t20\t0.8\t0.7\t0.9\t15\n";
        let made = section(&Lines::parse(text).expect("well formed"), Some("Tried: much.".into()));
        assert!(made.contains("| clock | – | 6.00 ns | 25 % |\n| fields | 5.00 ns | 3.00 ns | 12 % |"), "{made}");
        assert!(made.contains("the parts 20.0 ns, the publish 24.0 ns, 1.25 times"), "{made}");
        assert!(made.ends_with("\nTried: much.\n"));
        assert!(section(&Lines::default(), None).contains("**Not measured.**"));
    }
}

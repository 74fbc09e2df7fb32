//! What happens, as payloads: each event is a type of its own, and its kind is told here only.
//!
//! A characteristic, its samples, what its charts say, and what becomes of that.

use ringbus::Payload;

/// Measurements of one characteristic that stand together, as the reader has gathered them.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.subgroup.measured")]
pub(crate) struct SubgroupMeasured {
    pub(crate) characteristic: String,
    pub(crate) subgroup: u64,
    pub(crate) values: Vec<f64>,
}

/// The series has ended, or its reading was stopped.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.series.ended")]
pub(crate) struct SeriesEnded {
    /// Counted from 1; more than one where the series begins anew.
    pub(crate) round: u64,
}

/// A subgroup has been put on the charts.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.sample.processed")]
pub(crate) struct SampleProcessed {
    pub(crate) characteristic: String,
    pub(crate) subgroup: u64,
    pub(crate) mean: f64,
    pub(crate) range: f64,
    /// Standard deviations of a mean from the centre; absent while the baseline is being taken.
    pub(crate) standardized: Option<f64>,
}

/// A point completes the pattern of a rule, or a range is outside of its limits.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.violation.created", validate = ViolationCreated::check)]
pub(crate) struct ViolationCreated {
    /// Its number, growing from 1.
    pub(crate) violation: u64,
    pub(crate) characteristic: String,
    pub(crate) subgroup: u64,
    /// The Nelson rule, 1 to 8; 0: the chart of ranges.
    pub(crate) rule: u8,
    /// What was seen, in words.
    pub(crate) pattern: String,
    /// The mean, or the range where that is what is outside.
    pub(crate) value: f64,
}

/// Somebody has taken note of a violation.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.violation.acknowledged")]
pub(crate) struct ViolationAcknowledged {
    pub(crate) violation: u64,
    pub(crate) characteristic: String,
    /// Who.
    pub(crate) by: String,
}

/// A characteristic has got its limits, or others.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.limits.updated", validate = ControlLimitsUpdated::check)]
pub(crate) struct ControlLimitsUpdated {
    pub(crate) characteristic: String,
    /// How many subgroups they were made of.
    pub(crate) subgroups: u64,
    pub(crate) mean_lower: f64,
    pub(crate) mean_centre: f64,
    pub(crate) mean_upper: f64,
    pub(crate) range_lower: f64,
    pub(crate) range_centre: f64,
    pub(crate) range_upper: f64,
}

/// A characteristic is watched from now on.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.characteristic.created")]
pub(crate) struct CharacteristicCreated {
    pub(crate) characteristic: String,
    /// Measurements in a subgroup.
    pub(crate) size: u64,
    /// Subgroups that its limits are made of.
    pub(crate) baseline: u64,
}

/// A characteristic is watched otherwise than before: from its baseline on, its subgroups are judged.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.characteristic.updated")]
pub(crate) struct CharacteristicUpdated {
    pub(crate) characteristic: String,
    pub(crate) size: u64,
    pub(crate) baseline: u64,
    /// Whether there are limits that its subgroups are judged by.
    pub(crate) judged: bool,
}

/// A characteristic is not watched any more.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.characteristic.deleted")]
pub(crate) struct CharacteristicDeleted {
    pub(crate) characteristic: String,
    /// Subgroups that it had.
    pub(crate) subgroups: u64,
    /// Whether it had limits by then.
    pub(crate) judged: bool,
}

/// A characteristic has had more violations than somebody should not be told of.
#[derive(Clone, Debug, PartialEq, Payload)]
#[payload(kind = "spc.alert.exceeded")]
pub(crate) struct AlertThresholdExceeded {
    pub(crate) characteristic: String,
    /// The one that brought the last of them.
    pub(crate) subgroup: u64,
    /// Violations not acknowledged.
    pub(crate) open: u64,
    /// How many there may be.
    pub(crate) threshold: u64,
}

// === what must hold of events from elsewhere ===

impl ViolationCreated {
    fn check(&self) -> Result<(), String> {
        if self.rule <= 8 { Ok(()) } else { Err(format!("rule {}: 0 to 8 are allowed", self.rule)) }
    }
}

impl ControlLimitsUpdated {
    fn check(&self) -> Result<(), &'static str> {
        let ordered = |lines: [f64; 3]| lines.is_sorted();
        if ordered([self.mean_lower, self.mean_centre, self.mean_upper])
            && ordered([self.range_lower, self.range_centre, self.range_upper])
        {
            Ok(())
        } else {
            Err("limits that are not in order: lower, centre, upper")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringbus::Event;

    #[test]
    fn events_from_elsewhere_are_checked() {
        let violation = |rule| {
            let event = Event::builder("spc.violation.created").field("violation", 1).field("characteristic", "bore");
            let event = event.field("subgroup", 41).field("rule", rule).field("pattern", "").field("value", 25.1);
            event.build().unwrap().decode::<ViolationCreated>().map(|violation| violation.rule)
        };
        assert_eq!(violation(8).unwrap(), 8);
        assert!(violation(9).unwrap_err().to_string().contains("0 to 8 are allowed"));
    }

    #[test]
    fn limits_must_be_in_order() {
        let [mean_lower, mean_centre, mean_upper] = [1.0, 2.0, 3.0];
        let [range_lower, range_centre, range_upper] = [0.0, 1.0, 2.0];
        let characteristic = "bore".to_owned();
        let good = ControlLimitsUpdated {
            characteristic,
            subgroups: 30,
            mean_lower,
            mean_centre,
            mean_upper,
            range_lower,
            range_centre,
            range_upper,
        };
        assert!(good.check().is_ok());
        assert!(ControlLimitsUpdated { mean_upper: 1.5, ..good.clone() }.check().is_err());
        assert!(ControlLimitsUpdated { range_lower: f64::NAN, ..good }.check().is_err());
    }
}

//! Which payload type a kind belongs to: [`Kind::claim`] and its refusal, [`KindTaken`].

use core::any::{TypeId, type_name};
use std::error::Error;
use std::fmt;

use super::{Kind, Repr, checked_kind, interned};
use crate::contain::drop_contained;
use crate::event::Payload;
use crate::event::display::Bare;
use crate::event::interner::Claim;
use crate::sync::busy;

/// Why a payload type cannot be used: its kind belongs to another type, in this process and for good.
///
/// The first type that is used for a kind has it. A generic type is another one for each of its parameters.
///
/// ```
/// use ringbus::{Event, FieldReader, FieldWriter, KindTaken, Payload};
///
/// macro_rules! signal {
///     ($name:ident) => {
///         struct $name;
///         impl Payload for $name {
///             const KIND: &'static str = "docs.signal";
///             fn field_names() -> &'static [&'static str] { &[] }
///             fn write_fields(&self, _: &mut FieldWriter<'_>) {}
///             fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> { Some(Self) }
///         }
///     };
/// }
/// signal!(Started);
/// signal!(Stopped);
///
/// assert!(Event::from_payload(Started).is_ok());
/// let error: KindTaken = Event::from_payload(Stopped).unwrap_err();
/// assert!(error.by.ends_with("Started") && error.refused.ends_with("Stopped"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindTaken {
    /// The kind.
    pub kind: Kind,
    /// The type that has it.
    pub by: &'static str,
    /// The type that is refused.
    pub refused: &'static str,
}

// === impl Kind ===

impl Kind {
    /// The kind of `T`, which has it from now on, if no other type has had it before.
    ///
    /// Where the process has used up its 65 536 interned kinds, a new kind is nobody's, and no claim is checked.
    pub(crate) fn claim<T: Payload>() -> Result<Self, KindTaken> {
        let name = const { checked_kind(T::KIND) };
        let Some(link) = interned::link(name) else {
            return Ok(Self::from_checked(name));
        };
        let kind = Self(Repr::Static(link.entry()));
        let claim = busy::during(|| link.claim(Claim { owner: TypeId::of::<T>(), name: type_name::<T>() }));
        if claim.owner == TypeId::of::<T>() {
            Ok(kind)
        } else {
            Err(KindTaken { kind, by: claim.name, refused: type_name::<T>() })
        }
    }
}

impl Kind {
    /// The kind of a payload, and the payload again; one whose kind another type has is dropped, contained.
    pub(crate) fn claimed<T: Payload>(payload: T) -> Result<(Self, T), KindTaken> {
        match Self::claim::<T>() {
            Ok(kind) => Ok((kind, payload)),
            Err(taken) => {
                drop_contained(payload);
                Err(taken)
            }
        }
    }
}

// === impl KindTaken ===

impl fmt::Display for KindTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, by, refused } = self;
        let kind = Bare(kind.as_str());
        write!(f, "kind {kind} is the one of {by}; {refused} cannot have it too: allowed is one payload type per kind")
    }
}

impl Error for KindTaken {}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::event::{FieldReader, FieldWriter};
    use std::sync::Barrier;
    use std::thread;

    struct Numbered<const N: usize>;

    impl<const N: usize> Payload for Numbered<N> {
        const KIND: &'static str = "test.claim.race";

        fn field_names() -> &'static [&'static str] {
            &[]
        }

        fn write_fields(&self, _: &mut FieldWriter<'_>) {}

        fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
            Some(Self)
        }
    }

    #[test]
    fn of_racing_types_one_has_the_kind_and_all_others_are_told_which() {
        let claims = [
            Kind::claim::<Numbered<0>>,
            Kind::claim::<Numbered<1>>,
            Kind::claim::<Numbered<2>>,
            Kind::claim::<Numbered<3>>,
        ];
        let start = Barrier::new(claims.len());
        let answers: Vec<_> = thread::scope(|scope| {
            let threads = claims.map(|claim| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    claim()
                })
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused.len(), 3);
        assert!(refused.iter().all(|error| error.by == refused[0].by && error.refused != error.by));
        // For good, and whoever has it may ask again.
        assert_eq!(claims.iter().map(|claim| claim()).collect::<Vec<_>>(), answers);
        assert_eq!(refused[0].kind, Kind::from_static("test.claim.race").unwrap());
        let text = refused[0].to_string();
        assert!(text.starts_with("kind test.claim.race is the one of ") && text.contains(refused[0].refused), "{text}");
    }
}

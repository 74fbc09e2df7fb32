//! The derive macro of ringbus; use it through ringbus's feature `derive`.
//!
//! 1. [`input`] reads the struct and its attributes, and refuses what cannot be a payload, with all its faults at once.
//! 2. [`expand`] writes the implementation.
//!
//! It promises that what it writes needs no prelude and takes no name of the caller's for its own.

mod expand;
mod input;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `ringbus::Payload` for a struct with named fields, or without fields.
///
/// Each field must be `ToValue` and `FromValue`, and bears its name, unless told otherwise:
///
/// | on the struct | |
/// |---|---|
/// | `#[payload(kind = "a.b")]` | the kind, text or a constant; must be there, and is checked when compiling |
/// | `#[payload(validate = path)]` | a `fn(&Self) -> Result<(), E>`, where `E` becomes a `BoxError` (text does): asked after decoding |
/// | `#[payload(crate = path)]` | where ringbus is, if not at `::ringbus` |
///
/// | on a field | |
/// |---|---|
/// | `#[payload(rename = "x")]` | its name in the event |
/// | `#[payload(skip)]` | no field of the event; decoding gives it its `Default` |
///
/// A generic struct must be `Send`, `Sync` and `'static` with its parameters, and their fields must be `ToValue` and
/// `FromValue`: the implementation says so, the struct need not.
///
/// `ringbus::Payload` shows it at work.
#[proc_macro_derive(Payload, attributes(payload))]
pub fn derive_payload(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    input::Input::read(&input).map_or_else(syn::Error::into_compile_error, |input| expand::payload(&input)).into()
}

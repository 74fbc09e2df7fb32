//! `#[derive(Payload)]` where no prelude is in scope, ringbus has another name, and names are taken.
#![cfg(feature = "derive")]
#![no_implicit_prelude]
#![deny(warnings, unused_qualifications, clippy::all, clippy::pedantic)]

mod vendored {
    pub use ::ringbus as bus;
}

#[allow(dead_code, non_camel_case_types)]
mod taken {
    pub struct Option;
    pub struct Result;
    pub struct str;
    pub struct bool;
    pub trait Default {}
    pub trait Send {}
}
#[allow(unused_imports)]
use taken::*;

fn check(bare: &Bare) -> ::std::result::Result<(), &'static ::core::primitive::str> {
    if bare.fields > 0 { ::std::result::Result::Ok(()) } else { ::std::result::Result::Err("no fields") }
}

#[derive(::ringbus::Payload)]
#[payload(kind = "bare.payload", validate = check, crate = vendored::bus)]
struct Bare {
    fields: ::core::primitive::u8,
    r#fn: ::std::string::String,
    #[payload(skip)]
    this: ::core::primitive::u8,
}

#[derive(::ringbus::Payload)]
#[payload(kind = "bare.generic")]
struct Generic<Send> {
    value: Send,
}

#[::core::prelude::v1::test]
fn it_needs_no_prelude() {
    let bare = Bare { fields: 1, r#fn: ::std::convert::From::from("x"), this: 2 };
    let event = ::ringbus::Event::from_payload(bare).unwrap();
    ::std::assert_eq!(::std::string::ToString::to_string(&event.payload()), "fields=1 fn=\"x\"");
    let again = event.decode::<Bare>().unwrap();
    ::std::assert_eq!((again.fields, &*again.r#fn, again.this), (1, "x", 0));
    let event = ::ringbus::Event::from_payload(Generic { value: 7_u8 }).unwrap();
    ::std::assert_eq!(event.decode::<Generic<::core::primitive::u8>>().unwrap().value, 7);
}

//! What `ToValue` writes comes back, and nothing else does.

use super::*;
use crate::event::{Fault, ToValue};
use core::fmt::Debug;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

fn back<T: ToValue + FromValue + PartialEq + Debug>(thing: T) {
    let value = thing.to_value();
    assert_eq!(T::from_value(&value).as_ref(), Some(&thing), "{value}");
    let mut faults = Vec::new();
    assert_eq!(T::decode(&value, &mut Faults::new("x", &mut faults)), Some(thing));
    assert_eq!(faults, []);
}

fn faults<T: FromValue + Debug>(value: impl ToValue) -> Vec<(String, String, String)> {
    let mut faults = Vec::new();
    let read = T::decode(&value.to_value(), &mut Faults::new("x", &mut faults));
    assert!(read.is_none() && T::from_value(&value.to_value()).is_none());
    faults.into_iter().map(|Fault { path, expected, found }| (path, expected, found)).collect()
}

fn refused<T: FromValue + Debug>(value: impl ToValue, expected: &str) {
    let found = value.to_value().to_string();
    assert_eq!(faults::<T>(value), [("x".to_owned(), expected.to_owned(), found)]);
}

proptest! {
    #[test]
    fn numbers_of_every_width_come_back(wide: i128, narrow: u64, float: f64, small: f32) {
        for n in [wide, wide >> 32, wide >> 64, wide >> 96, wide >> 120, narrow.into()] {
            back(n);
            back(n as u128);
            back(n as i64);
            back(n as u64);
            back(n as isize);
            back(n as usize);
            back(n as i32);
            back(n as u32);
            back(n as i16);
            back(n as u16);
            back(n as i8);
            back(n as u8);
            back(NonZeroI128::new(n));
            back(NonZeroU64::new(n as u64));
            back(NonZeroI8::new(n as i8));
        }
        back(float);
        back(small);
    }

    #[test]
    fn texts_and_times_come_back(text: String, c: char, span: Duration, id: u128, truth: bool) {
        back(c);
        back(span);
        back(truth);
        back(EventId::from_u128(id));
        back(Box::<str>::from(&*text));
        back(Arc::<str>::from(&*text));
        back(Cow::<'static, str>::Owned(text.clone()));
        back(PathBuf::from(&text));
        back(OsString::from(&text));
        back(Text::from(&text));
        back(Box::new(text.clone()));
        back(Arc::new(text.clone()));
        back(text);
        back(UNIX_EPOCH.checked_add(span));
        back(UNIX_EPOCH.checked_sub(span));
    }

    #[test]
    fn collections_come_back(
        list in vec(any::<Option<u16>>(), 0..9),
        map in btree_map(any::<String>(), vec(any::<String>(), 0..3), 0..4),
        bytes in vec(any::<u8>(), 0..9),
        three: [Option<char>; 3],
    ) {
        back(list);
        back(bytes.clone());
        back(three);
        back(map.clone().into_iter().collect::<HashMap<_, _>>());
        back(map);
        prop_assert_eq!(Vec::from_value(&Value::bytes(&bytes)), Some(bytes));
    }
}

#[test]
fn what_has_one_form_comes_back() {
    back(f64::INFINITY);
    back(f32::NEG_INFINITY);
    back(-0.0);
    assert!(f64::from_value(&f64::NAN.to_value()).is_some_and(f64::is_nan));
    back(Kind::new("a.b").unwrap());
    [Priority::Low, Priority::Normal, Priority::High, Priority::Critical].into_iter().for_each(back);
    back::<IpAddr>("::1".parse().unwrap());
    back(Ipv4Addr::LOCALHOST);
    back(Ipv6Addr::LOCALHOST);
    back::<SocketAddr>("127.0.0.1:80".parse().unwrap());
    back::<SocketAddrV4>("127.0.0.1:80".parse().unwrap());
    back::<SocketAddrV6>("[::1]:80".parse().unwrap());
    back(Value::from([1]));
    back(Some(Value::from(1)));
    back(Box::new(Some(7)));
    back(Option::<Box<u8>>::None);
}

#[test]
fn what_fits_in_another_way_is_taken() {
    assert_eq!(f64::from_value(&7.into()), Some(7.0));
    assert_eq!(f32::from_value(&0.1_f64.into()), Some(0.1));
    assert_eq!(Duration::from_value(&1.5.into()), Some(Duration::from_millis(1500)));
    assert_eq!(SystemTime::from_value(&"1970-01-01T00:00:01Z".into()), Some(UNIX_EPOCH + Duration::from_secs(1)));
    assert_eq!(i128::from_value(&i128::MIN.to_string().into()), Some(i128::MIN));
    assert_eq!(u128::from_value(&u128::MAX.to_string().into()), Some(u128::MAX));
    // Digits that JSON would have written as a number are text.
    assert_eq!((i128::from_value(&"7".into()), u128::from_value(&"18446744073709551615".into())), (None, None));
    assert_eq!(Option::<u8>::from_value(&Value::Null), Some(None));
}

#[test]
fn what_may_be_missing_is_an_option_however_it_is_held() {
    assert_eq!((Option::<u8>::absent(), Box::<Option<u8>>::absent()), (Some(None), Some(Box::new(None))));
    assert_eq!((u8::absent(), Vec::<u8>::absent(), Value::absent()), (None, None, None));
}

#[test]
fn anything_else_is_refused_with_what_is_expected() {
    refused::<u8>(256, "an integer of 0 to 255");
    refused::<i8>(-129, "an integer of -128 to 127");
    refused::<u64>(-1, "an integer of 0 to 18446744073709551615");
    refused::<u8>(1.0, "an integer of 0 to 255");
    refused::<u8>("7", "an integer of 0 to 255");
    refused::<NonZeroU8>(0, "an integer of 0 to 255, not 0");
    refused::<Option<u8>>(256, "an integer of 0 to 255");
    refused::<f64>("1", "a number");
    assert_eq!(faults::<f32>(1e300).len(), 1);
    refused::<bool>(1, "true or false");
    refused::<char>("ab", "text of one character");
    refused::<char>("", "text of one character");
    refused::<String>(Value::Null, "text");
    refused::<Duration>(-1.0, "a span of time, or its seconds");
    refused::<Duration>(f64::NAN, "a span of time, or its seconds");
    refused::<SystemTime>(7, "a time, or its RFC 3339 text in UTC");
    refused::<Kind>("a..b", "a kind: segments joined by '.', without '*' and white space");
    refused::<Vec<u8>>("x", "a list");
    refused::<[u8; 2]>([1, 2, 3], "a list of 2");
    refused::<BTreeMap<String, u8>>([1], "a map");
    assert_eq!(Option::<u8>::expected(), "an integer of 0 to 255, or null");
}

#[test]
fn every_fault_within_is_told_with_its_place() {
    type Nested = BTreeMap<String, Option<Vec<[u8; 2]>>>;
    let value = Value::from_iter([
        ("a b", Value::from([Value::from([1, 256]), Value::from([1]), Value::from([-1, -2])])),
        ("c", Value::Null),
        ("d", "x".into()),
    ]);
    let paths: Vec<_> = faults::<Nested>(value).into_iter().map(|(path, _, found)| format!("{path} {found}")).collect();
    assert_eq!(
        paths,
        ["x.\"a b\"[0][1] 256", "x.\"a b\"[1] [1]", "x.\"a b\"[2][0] -1", "x.\"a b\"[2][1] -2", "x.d \"x\"",]
    );
}

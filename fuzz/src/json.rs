//! The decoder of JSON, untyped and typed. The input is the text, where wrong UTF-8 becomes U+FFFD.
//!
//! What is accepted means what serde_json's own tree of it means, and survives the way there and back. What is refused
//! has a reason, and the error names a place that the input has.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use ringbus::{
    Event, EventId, FieldReader, FieldWriter, JsonError, Payload, Priority, Registry, RegistryError, Unknown,
    UnknownKinds, Value,
};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Tree;

use crate::naive::{is_kind, shortened};
use crate::wire::assert_same;

const MEMBERS: [&str; 10] =
    ["id", "type", "timestamp", "source", "project_path", "correlation_id", "cause", "hops", "priority", "payload"];

/// Panics if the bus breaks its word.
pub fn run(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let node = serde_json::from_str::<Node>(text);
    let places = Places::of(node.as_ref().ok());
    let read = Event::from_json(text, Unknown::Refuse);
    match &read {
        Ok(event) => accepted(text, event, Unknown::Refuse),
        Err(error) => {
            refused(text, error, &places);
            assert!(may_be_refused(text, &places), "{error}");
        }
    }
    assert_eq!(node.is_err(), matches!(read, Err(JsonError::Syntax(_))));
    match Event::from_json(text, Unknown::IntoPayload) {
        Ok(event) => accepted(text, &event, Unknown::IntoPayload),
        Err(error) => {
            refused(text, &error, &places);
            assert!(read.is_err(), "who takes more refuses less: {error}");
        }
    }
    typed(text, &read, &places);
}

// === what is accepted ===

fn accepted(text: &str, event: &Event, unknown: Unknown) {
    let json = event.to_json();
    let again = Event::from_json(&json, Unknown::Refuse).unwrap();
    assert_same(event, &again);
    assert_eq!(json, again.to_json());

    let tree: Tree = serde_json::from_str(text).unwrap();
    assert!(is_kind(event.kind().as_str()));
    assert_eq!(Some(event.kind().as_str()), tree["type"].as_str());
    assert_eq!(event.source(), tree["source"].as_str());
    assert_eq!(event.project_path(), tree["project_path"].as_str());
    assert_eq!(event.correlation_id(), tree["correlation_id"].as_str());
    let priority = tree["priority"].as_str().unwrap_or("normal");
    assert!(priority.eq_ignore_ascii_case(event.priority().as_str()), "{priority}");
    let id = tree["id"].as_str();
    assert!(id.is_none_or(|id| id.eq_ignore_ascii_case(&event.id().to_string())), "{id:?}");
    let cause = tree["cause"].as_str();
    assert!(cause.is_none_or(|id| event.cause().is_some_and(|cause| id.eq_ignore_ascii_case(&cause.to_string()))));
    let hops = tree["hops"].as_u64().unwrap_or(cause.is_some().into());
    assert_eq!((event.cause().is_some(), u64::from(event.hops())), (cause.is_some(), hops));
    let extra: Vec<_> = members(&tree).filter(|(name, _)| !MEMBERS.contains(&name.as_str())).collect();
    assert!(extra.is_empty() || unknown == Unknown::IntoPayload);
    let payload: BTreeMap<_, _> = members(&tree["payload"]).chain(extra).collect();
    assert_eq!(event.payload().len(), payload.len());
    for (name, value) in event.payload() {
        assert!(means(value, payload[&name.to_owned()]), "{name}: {value}");
    }
}

fn members(tree: &Tree) -> impl Iterator<Item = (&String, &Tree)> {
    tree.as_object().into_iter().flatten()
}

/// Whether a value is what stands in the tree.
fn means(value: &Value, tree: &Tree) -> bool {
    match (value, tree) {
        (Value::Null, Tree::Null) => true,
        (Value::Bool(truth), Tree::Bool(same)) => truth == same,
        (Value::Int(number), tree) => tree.as_i64() == Some(*number),
        (Value::UInt(number), tree) => tree.as_u64() == Some(*number) && tree.as_i64().is_none(),
        (Value::Float(number), tree) => tree.is_f64() && tree.as_f64() == Some(*number),
        (Value::Str(text), Tree::String(same)) => text.as_str() == same,
        (Value::List(values), Tree::Array(items)) => {
            values.len() == items.len() && values.iter().zip(items).all(|(value, item)| means(value, item))
        }
        (Value::Map(members), Tree::Object(object)) => {
            members.len() == object.len()
                && members.iter().all(|(name, value)| object.get(name.as_str()).is_some_and(|item| means(value, item)))
        }
        _ => false,
    }
}

// === what is refused ===

/// Whether the input gives a reason to refuse it. Not asked is whether a text is a time.
fn may_be_refused(text: &str, places: &Places) -> bool {
    let Ok(tree) = serde_json::from_str::<Tree>(text) else { return true };
    let is_text = |name: &str| tree[name].is_null() || tree[name].is_string();
    let parses = |name: &str, good: fn(&str) -> bool| tree[name].is_null() || tree[name].as_str().is_some_and(good);
    let good = tree.is_object()
        && !places.repeats
        && tree["type"].as_str().is_some_and(is_kind)
        && ["source", "project_path", "correlation_id"].into_iter().all(is_text)
        && parses("id", |text| text.parse::<EventId>().is_ok())
        && parses("cause", |text| text.parse::<EventId>().is_ok())
        && (tree["hops"].is_null()
            || tree["cause"].is_string() && tree["hops"].as_u64().is_some_and(|hops| (1..1 << 32).contains(&hops)))
        && parses("priority", |text| text.parse::<Priority>().is_ok())
        && tree["timestamp"].is_null()
        && (tree["payload"].is_null() || tree["payload"].is_object())
        && members(&tree).all(|(name, _)| MEMBERS.contains(&name.as_str()));
    !good
}

fn refused(text: &str, error: &JsonError, places: &Places) {
    one_line(&error.to_string());
    match error {
        JsonError::Syntax(reason) => lies_inside(text, &reason.to_string()),
        JsonError::Missing { path, .. } => assert!(&**path == "type" && !places.has("type")),
        error => {
            let path = error.path().unwrap_or_default();
            assert!(places.has(path), "{path:?} is no place of {text:?}");
            assert_eq!(path.is_empty(), !places.is_object, "{path:?}");
        }
    }
    assert!(!matches!(error, JsonError::Duplicate { .. }) || places.repeats || error.path().is_some());
}

/// Whether a reason of serde_json's ends with a line and a column that the text has.
fn lies_inside(text: &str, reason: &str) {
    let (_, place) = reason.rsplit_once(" at line ").expect(reason);
    let (line, column) = place.split_once(" column ").expect(reason);
    let (line, column): (usize, usize) = (line.parse().expect(reason), column.parse().expect(reason));
    let there = text.split('\n').nth(line - 1);
    assert!(there.is_some_and(|line| column <= line.len() + 1), "{reason}");
}

fn one_line(message: &str) {
    assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
}

// === typed ===

/// One field of each form.
#[derive(Debug, PartialEq)]
struct Sample {
    mean: f64,
    tags: Vec<String>,
    code: Option<u8>,
    big: i128,
    span: Duration,
    at: SystemTime,
    flags: BTreeMap<String, bool>,
}

impl Payload for Sample {
    const KIND: &'static str = "fuzz.sample";

    fn field_names() -> &'static [&'static str] {
        &["mean", "tags", "code", "big", "span", "at", "flags"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        let Self { mean, tags, code, big, span, at, flags } = self;
        fields.write(mean);
        fields.write(tags);
        fields.write(code);
        fields.write(big);
        fields.write(span);
        fields.write(at);
        fields.write(flags);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        let (mean, tags, code, big) = (fields.read(), fields.read(), fields.read(), fields.read());
        let (span, at, flags) = (fields.read(), fields.read(), fields.read());
        Some(Self { mean: mean?, tags: tags?, code: code?, big: big?, span: span?, at: at?, flags: flags? })
    }

    fn validate(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self.tags.iter().find(|tag| tag.starts_with('!')) {
            Some(tag) => Err(format!("the tag {tag} is not good").into()),
            None => Ok(()),
        }
    }
}

fn typed(text: &str, read: &Result<Event, JsonError>, places: &Places) {
    let registry = Registry::new().with::<Sample>().unwrap();
    let passing = registry.clone().unknown_kinds(UnknownKinds::Pass);
    let is_sample = read.as_ref().is_ok_and(|event| *event.kind() == *Sample::KIND);
    assert!(is_sample || read.is_ok() == passing.from_json(text).is_ok());
    match registry.from_json(text) {
        Ok(event) => {
            assert!(is_sample && event.payload_as::<Sample>().is_some());
            let json = event.to_json();
            assert_eq!(registry.from_json(&json).unwrap().to_json(), json);
            assert_eq!(read.as_ref().unwrap().decode::<Sample>().as_ref().ok(), event.payload_as::<Sample>());
        }
        Err(error) => {
            for line in error.to_string().lines() {
                one_line(line);
            }
            match (&error, read) {
                (RegistryError::Syntax(_), Err(JsonError::Syntax(_))) => assert!(error.faults().is_empty()),
                (RegistryError::Faults(faults), _) => faults_are_right(faults, read, places),
                _ => panic!("{error} where it was {read:?}"),
            }
        }
    }
}

fn faults_are_right(faults: &[ringbus::Fault], read: &Result<Event, JsonError>, places: &Places) {
    let missing = |path: &str| {
        let field = path.strip_prefix("payload.").is_some_and(|name| Sample::field_names().contains(&name));
        field || path == "type" || path == "payload"
    };
    for fault in faults {
        assert!(places.has(&fault.path) || (fault.found == "nothing" && missing(&fault.path)), "{fault:?}");
        assert!(!fault.expected.is_empty() && fault.found.chars().count() <= 81, "{fault:?}");
        one_line(&fault.to_string());
    }
    assert!(!faults.is_empty());
    if let Err(first) = read {
        assert_eq!(first.path().unwrap_or_default(), faults[0].path, "{first} is the first of {faults:?}");
    }
}

// === places ===

/// Where something can be in an input.
struct Places {
    paths: HashSet<String>,
    is_object: bool,
    /// Whether an object has a name twice.
    repeats: bool,
}

/// An input as it stands there, names given twice included.
enum Node {
    Leaf,
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Places {
    fn of(node: Option<&Node>) -> Self {
        let mut this = Self { paths: HashSet::new(), is_object: matches!(node, Some(Node::Map(_))), repeats: false };
        if let Some(node) = node {
            this.add(String::new(), node);
        }
        this
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    fn add(&mut self, path: String, node: &Node) {
        match node {
            Node::Leaf => {}
            Node::List(items) => {
                items.iter().enumerate().for_each(|(at, item)| self.add(format!("{path}[{at}]"), item));
            }
            Node::Map(members) => {
                let mut names = HashSet::new();
                for (name, member) in members {
                    self.repeats |= !names.insert(name);
                    let name = bare(&shortened(name));
                    self.add(if path.is_empty() { name } else { format!("{path}.{name}") }, member);
                }
            }
        }
        self.paths.insert(path);
    }
}

/// A name as it is, or quoted where that could be misread.
fn bare(name: &str) -> String {
    let quoted = format!("{name:?}");
    let is_plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "=,[]{}".contains(c));
    // Within quotes, marks that combine with the character before them stand as they are.
    let escapes = name.chars().any(|c| c.escape_debug().count() > 1);
    if is_plain && !escapes { name.to_owned() } else { quoted }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Leaf)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Leaf)
            }

            fn visit_unit<E: Error>(self) -> Result<Node, E> {
                Ok(Node::Leaf)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Map(members))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

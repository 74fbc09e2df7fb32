//! [`Input`]: a struct that shall be a payload, and its attributes.
//!
//! All faults of one struct are told together, each where it stands.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Generics, Ident, LitStr, Path, Type};

/// See the [module](self).
pub(crate) struct Input<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) kind: Expr,
    pub(crate) validate: Option<Path>,
    /// Where ringbus is, if told.
    pub(crate) krate: Option<Path>,
    pub(crate) fields: Vec<Field<'a>>,
}

pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    /// Its name in the event; `None` if it is skipped.
    pub(crate) name: Option<LitStr>,
}

/// Faults so far.
#[derive(Default)]
struct Faults(Option<syn::Error>);

// === impl Input ===

impl<'a> Input<'a> {
    pub(crate) fn read(input: &'a DeriveInput) -> syn::Result<Self> {
        let mut faults = Faults::default();
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => fields.named.iter().collect(),
                Fields::Unit => Vec::new(),
                Fields::Unnamed(_) => return Err(no_payload(input, "the fields of a payload have names")),
            },
            Data::Enum(_) => return Err(no_payload(input, "a payload is a struct, not an enum")),
            Data::Union(_) => return Err(no_payload(input, "a payload is a struct, not a union")),
        };
        if let Some(lifetime) = input.generics.lifetimes().next() {
            faults.add(lifetime.span(), "a payload owns what it holds: it has no lifetime parameters");
        }
        let (mut kind, mut validate, mut krate) = (None, None, None);
        faults.keep(attributes(&input.attrs, |meta| match name_of(meta).as_str() {
            "kind" => set(&mut kind, meta, |meta| meta.value()?.parse::<Expr>()),
            "validate" => set(&mut validate, meta, |meta| meta.value()?.parse::<Path>()),
            "crate" => set(&mut krate, meta, |meta| meta.value()?.call(Path::parse_mod_style)),
            other => Err(meta.error(format!(
                "`{other}` is no payload attribute of a struct; allowed are `kind`, `validate` and `crate`"
            ))),
        }));
        if kind.is_none() && !faults.any() {
            faults.add(input.ident.span(), "a payload has a kind: write `#[payload(kind = \"...\")]`");
        }
        let fields: Vec<_> = fields.into_iter().filter_map(|field| faults.keep(Field::read(field))).flatten().collect();
        let names: Vec<&LitStr> = fields.iter().filter_map(|field| field.name.as_ref()).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].iter().any(|earlier| earlier.value() == name.value()) {
                faults
                    .add(name.span(), format!("two fields are named {:?}; each name can be given once", name.value()));
            }
        }
        match (faults.0, kind) {
            (None, Some(kind)) => {
                Ok(Self { name: &input.ident, generics: &input.generics, kind, validate, krate, fields })
            }
            (Some(faults), _) => Err(faults),
            (None, None) => Err(syn::Error::new(input.ident.span(), "a payload has a kind")),
        }
    }
}

/// `input` as a whole cannot be one.
fn no_payload(input: &DeriveInput, why: &str) -> syn::Error {
    let message = format!("{why}; `#[derive(Payload)]` is for structs with named fields, or without fields");
    match &input.data {
        // The body is what is wrong.
        Data::Struct(data) => syn::Error::new_spanned(&data.fields, message),
        Data::Enum(data) => syn::Error::new_spanned(span_of(data.enum_token, &input.ident), message),
        Data::Union(data) => syn::Error::new_spanned(span_of(data.union_token, &input.ident), message),
    }
}

/// The head of an item: its keyword and its name.
fn span_of(keyword: impl ToTokens, name: &Ident) -> proc_macro2::TokenStream {
    let mut head = keyword.into_token_stream();
    name.to_tokens(&mut head);
    head
}

// === impl Field ===

impl<'a> Field<'a> {
    /// `None` never: a field without a name is not given here.
    fn read(field: &'a syn::Field) -> syn::Result<Option<Self>> {
        let Some(ident) = &field.ident else { return Ok(None) };
        let (mut skip, mut rename) = (None, None);
        attributes(&field.attrs, |meta| match name_of(meta).as_str() {
            "skip" => set(&mut skip, meta, |_| Ok(())),
            "rename" => set(&mut rename, meta, |meta| meta.value()?.parse::<LitStr>()),
            other => {
                Err(meta
                    .error(format!("`{other}` is no payload attribute of a field; allowed are `rename` and `skip`")))
            }
        })?;
        let name = match (skip, rename) {
            (Some(()), Some(rename)) => {
                return Err(syn::Error::new(rename.span(), "a field that is skipped has no name in the event"));
            }
            (Some(()), None) => None,
            (None, Some(rename)) => Some(rename),
            (None, None) => Some(LitStr::new(&ident.unraw().to_string(), ident.span())),
        };
        Ok(Some(Self { ident, ty: &field.ty, name }))
    }
}

// === attributes ===

/// Hands each item of each `#[payload(...)]` to `read`; goes on to the next attribute after a fault.
fn attributes(
    attributes: &[Attribute],
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let mut faults = Faults::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("payload")) {
        faults.keep(attribute.parse_nested_meta(|meta| read(&meta)));
    }
    faults.0.map_or(Ok(()), Err)
}

fn name_of(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.to_token_stream().to_string()
}

/// Reads an item that may stand once.
fn set<T>(
    place: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    read: impl FnOnce(&ParseNestedMeta<'_>) -> syn::Result<T>,
) -> syn::Result<()> {
    let value = read(meta)?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error(format!("`{}` is given twice; allowed is once", name_of(meta)))),
    }
}

// === impl Faults ===

impl Faults {
    fn add(&mut self, at: Span, message: impl ToString) {
        self.keep::<()>(Err(syn::Error::new(at, message.to_string())));
    }

    fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match (result, &mut self.0) {
            (Ok(value), _) => return Some(value),
            (Err(fault), Some(all)) => all.combine(fault),
            (Err(fault), none) => *none = Some(fault),
        }
        None
    }

    fn any(&self) -> bool {
        self.0.is_some()
    }
}

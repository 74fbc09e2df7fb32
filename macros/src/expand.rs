//! The implementation that the derive writes.
//!
//! Every path is absolute, every variable has the macro's own span; what may be wrong with a field's type is said at that
//! type, what may be wrong with the kind at the kind.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, Ident, Type, parse_quote};

use crate::input::Input;

pub(crate) fn payload(input: &Input<'_>) -> TokenStream {
    let Input { name, kind, fields, .. } = input;
    let krate = krate(input, Span::call_site());
    let private = quote!(#krate::__private);

    let told: Vec<_> = fields.iter().filter_map(|field| Some((field.ident, field.ty, field.name.as_ref()?))).collect();
    let names = told.iter().map(|(_, _, name)| name);
    let reader = Ident::new("fields", Span::mixed_site());
    let local = |ident: &Ident| format_ident!("__{}", syn::ext::IdentExt::unraw(ident), span = Span::mixed_site());

    let write = told.iter().map(|(ident, ty, _)| quote!(#krate::FieldWriter::write::<#ty>(#reader, &self.#ident);));
    let plain = told.iter().map(|(ident, ty, _)| quote!(&& <#ty as #krate::ToValue>::__plain(&self.#ident)));
    let read = told.iter().map(|(ident, ty, _)| {
        let local = local(ident);
        quote!(let #local = #krate::FieldReader::read::<#ty>(#reader);)
    });
    let make = fields.iter().map(|field| {
        let (ident, local, ty) = (field.ident, local(field.ident), field.ty);
        match field.name {
            Some(_) => quote!(#ident: #local?),
            None => quote!(#ident: <#ty as #private::Default>::default()),
        }
    });
    let validate = input.validate.as_ref().map(|validate| {
        quote! {
            fn validate(&self) -> #private::Result<(), #krate::BoxError> {
                #private::validated(#validate(self))
            }
        }
    });
    let unused = told.is_empty().then(|| quote!(let _ = #reader;));

    let generics = bounded(input, &krate);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();
    let there = Span::call_site().located_at(kind.span());
    let at_kind = self::krate(input, there);
    let checked = quote_spanned!(there=> #at_kind::__private::checked_kind(#kind));
    // Where the kind does not depend on the type, it is checked even if nobody uses the type.
    let check = quote!(const _: &#private::str = #checked;);
    quote! {
        #check

        #[automatically_derived]
        impl #impl_generics #krate::Payload for #name #type_generics #where_clause {
            const KIND: &'static #private::str = #kind;

            fn field_names() -> &'static [&'static #private::str] {
                &[#(#names),*]
            }

            fn write_fields(&self, #reader: &mut #krate::FieldWriter<'_>) {
                #unused
                #(#write)*
            }

            fn read_fields(#reader: &mut #krate::FieldReader<'_>) -> #private::Option<Self> {
                #unused
                #(#read)*
                #private::Some(Self { #(#make),* })
            }

            #validate

            fn __plain(&self) -> #private::bool {
                true #(#plain)*
            }
        }
    }
}

/// Where ringbus is; what is wrong with it is said at `span`.
fn krate(input: &Input<'_>, span: Span) -> TokenStream {
    input.krate.as_ref().map_or_else(|| quote_spanned!(span=> ::ringbus), ToTokens::to_token_stream)
}

/// The struct's generics; its parameters can be shared, and the fields that mention one can be written and read.
fn bounded(input: &Input<'_>, krate: &TokenStream) -> Generics {
    let private = quote!(#krate::__private);
    let mut generics = input.generics.clone();
    let parameters: Vec<Ident> = generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    if parameters.is_empty() {
        return generics;
    }
    let clause = generics.make_where_clause();
    for parameter in &parameters {
        clause.predicates.push(parse_quote!(#parameter: #private::Send + #private::Sync + 'static));
    }
    for field in input.fields.iter().filter(|field| mentions(field.ty, &parameters)) {
        let ty = field.ty;
        clause.predicates.push(match field.name {
            Some(_) => parse_quote!(#ty: #krate::ToValue + #krate::FromValue),
            None => parse_quote!(#ty: #private::Default),
        });
    }
    generics
}

/// Whether one of `parameters` occurs in `ty`.
fn mentions(ty: &Type, parameters: &[Ident]) -> bool {
    fn within(tokens: TokenStream, parameters: &[Ident]) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => parameters.contains(&ident),
            TokenTree::Group(group) => within(group.stream(), parameters),
            _ => false,
        })
    }
    within(ty.to_token_stream(), parameters)
}

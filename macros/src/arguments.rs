//! What both attributes are told, and what they require of the function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{AttrStyle, Error, Expr, ExprLit, ItemFn, Lit, MetaNameValue, Result, Signature, Token};

/// One `name = value`.
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) span: Span,
    value: Expr,
}

/// The arguments, each of a different name.
pub(crate) fn parse(arguments: TokenStream, known: &str) -> Result<Vec<Argument>> {
    let pairs = Punctuated::<MetaNameValue, Token![,]>::parse_terminated;
    let pairs = pairs.parse2(arguments).map_err(|error| {
        Error::new(
            error.span(),
            format!("expected `name = value`; the names are {known}"),
        )
    })?;
    let mut all: Vec<Argument> = Vec::new();
    for pair in pairs {
        let name = pair.path.to_token_stream().to_string();
        let span = pair.path.span();
        if all.iter().any(|argument| argument.name == name) {
            return Err(Error::new(span, format!("`{name}` is given twice")));
        }
        let value = pair.value;
        all.push(Argument { name, span, value });
    }
    Ok(all)
}

impl Argument {
    /// The complaint about a name that there is not.
    pub(crate) fn unknown(&self, known: &str) -> Error {
        let name = &self.name;
        Error::new(
            self.span,
            format!("there is no argument `{name}`; there are {known}"),
        )
    }

    /// The complaint about the value.
    pub(crate) fn wrong(&self, expected: &str) -> Error {
        Error::new_spanned(&self.value, format!("`{}` must be {expected}", self.name))
    }

    /// The value, a string.
    pub(crate) fn text(&self, expected: &str) -> Result<String> {
        match &self.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Ok(text.value()),
            _ => Err(self.wrong(expected)),
        }
    }

    /// The value, a whole number that `T` holds.
    pub(crate) fn number<T>(&self, expected: &str) -> Result<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        match &self.value {
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }) => number.base10_parse().map_err(|_| self.wrong(expected)),
            _ => Err(self.wrong(expected)),
        }
    }

    /// The value, a count of loops.
    pub(crate) fn loops(&self) -> Result<usize> {
        const EXPECTED: &str = "a number from 1 on";
        match self.number(EXPECTED)? {
            0 => Err(self.wrong(EXPECTED)),
            loops => Ok(loops),
        }
    }

    /// The value, a driver.
    pub(crate) fn driver(&self) -> Result<TokenStream> {
        const EXPECTED: &str = "\"uring\", \"epoll\" or \"auto\"";
        match self.text(EXPECTED)?.as_str() {
            "uring" => Ok(quote!(::ringmill::DriverKind::Uring)),
            "epoll" => Ok(quote!(::ringmill::DriverKind::Epoll)),
            "auto" => Ok(quote!(::ringmill::DriverKind::Auto)),
            _ => Err(self.wrong(EXPECTED)),
        }
    }
}

/// The function: async, without arguments or generics.
pub(crate) fn function(attribute: &str, item: TokenStream) -> Result<ItemFn> {
    let whole = item.clone();
    let mut function: ItemFn = syn::parse2(item).map_err(|_| {
        Error::new_spanned(
            whole,
            format!("`#[ringmill::{attribute}]` is for functions"),
        )
    })?;
    for inner in &mut function.attrs {
        // `#![allow(…)]` at the beginning of the body is of the function as well.
        inner.style = AttrStyle::Outer;
    }
    let signature = &function.sig;
    if let Some(keyword) = keyword(signature) {
        let message = format!("a function with `#[ringmill::{attribute}]` is an `async fn` alone");
        return Err(Error::new_spanned(keyword, message));
    }
    if signature.asyncness.is_none() {
        let message = format!("`#[ringmill::{attribute}]` is for an `async fn`");
        return Err(Error::new(signature.fn_token.span, message));
    }
    if !signature.inputs.is_empty() {
        let message = format!("a function with `#[ringmill::{attribute}]` takes no arguments");
        return Err(Error::new_spanned(&signature.inputs, message));
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let message = format!("a function with `#[ringmill::{attribute}]` cannot be generic");
        let bounds = generics.where_clause.to_token_stream();
        return Err(Error::new_spanned(quote!(#generics #bounds), message));
    }
    Ok(function)
}

/// What makes calling it something else.
fn keyword(signature: &Signature) -> Option<TokenStream> {
    let unsafety = signature.unsafety.map(ToTokens::into_token_stream);
    let constness = signature.constness.map(ToTokens::into_token_stream);
    let abi = signature.abi.as_ref().map(ToTokens::to_token_stream);
    constness.or(unsafety).or(abi)
}

//! `#[ringmill::test]`.

use crate::arguments::{Argument, function, parse};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, Meta, Path, Result, ReturnType, Token, parse_quote};

const KNOWN: &str = "`drivers`, `driver`, `loops`, `clock`, `timeout` and `seed`";

/// Attributes that say something of the code, and not of the test.
const OF_CODE: [&str; 6] = ["cfg", "allow", "expect", "warn", "deny", "forbid"];

/// What the tests are told, and the driver if there is to be one only.
#[derive(Default)]
struct Settings {
    calls: TokenStream,
    driver: Option<TokenStream>,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = function("test", item)?;
    // With an argument that is wrong there is a test all the same: what its body uses is used.
    let settings = parse(arguments, KNOWN).and_then(|arguments| settings(&arguments));
    let (settings, complaint) = match settings {
        Ok(settings) => (settings, None),
        Err(error) => (Settings::default(), Some(error.into_compile_error())),
    };
    if let Some(twice) = function.attrs.iter().find(|it| it.path().is_ident("test")) {
        return Err(Error::new_spanned(
            twice,
            "`#[ringmill::test]` makes it a test: leave `#[test]` out",
        ));
    }
    let all = &function.attrs;
    let of_code: Vec<Attribute> = all.iter().filter_map(of_code).collect();
    let (signature, body) = (&function.sig, &function.block);
    let name = &signature.ident;
    let output = match &signature.output {
        ReturnType::Default => quote!(),
        // Where the type cannot be a test's, it is the type that is wrong.
        ReturnType::Type(_, output) => {
            quote_spanned!(output.span()=> -> impl ::std::process::Termination)
        }
    };
    let calls = &settings.calls;
    let test = |test_name: &Ident, driver: &TokenStream, within: TokenStream, path: TokenStream| {
        let full = test_name.unraw().to_string();
        quote! {
            #(#all)*
            #[::core::prelude::v1::test]
            fn #test_name() #output {
                #within
                ::ringmill::entry::Test::new(::core::module_path!(), #full, #driver)
                    #calls
                    .run(#path)
            }
        }
    };
    if let Some(driver) = &settings.driver {
        let test = test(name, driver, quote!(#signature #body), quote!(#name));
        return Ok(quote!(#complaint #test));
    }
    let each = [("uring", "Uring"), ("epoll", "Epoll")].map(|(driver, kind)| {
        let (driver, kind) = (format_ident!("{driver}"), format_ident!("{kind}"));
        let kind = quote!(::ringmill::DriverKind::#kind);
        test(&driver, &kind, quote!(), quote!(super::#name))
    });
    Ok(quote! {
        #complaint
        #(#of_code)*
        #[cfg(test)]
        #signature #body
        #(#of_code)*
        #[cfg(test)]
        mod #name {
            #(#each)*
        }
    })
}

/// What of the attribute is about the code; of a `cfg_attr` that may be a part.
fn of_code(attribute: &Attribute) -> Option<Attribute> {
    let is_of_code = |path: &Path| OF_CODE.iter().any(|name| path.is_ident(name));
    if !attribute.path().is_ident("cfg_attr") {
        return is_of_code(attribute.path()).then(|| attribute.clone());
    }
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated;
    let mut parts = attribute.parse_args_with(parts).ok()?.into_iter();
    let condition = parts.next()?;
    let kept: Vec<Meta> = parts.filter(|part| is_of_code(part.path())).collect();
    (!kept.is_empty()).then(|| parse_quote!(#[cfg_attr(#condition, #(#kept),*)]))
}

fn settings(arguments: &[Argument]) -> Result<Settings> {
    let mut settings = Settings::default();
    for argument in arguments {
        let call = match argument.name.as_str() {
            "drivers" => {
                const EXPECTED: &str = "\"all\"; for one of them there is `driver`";
                if argument.text(EXPECTED)? != "all" {
                    return Err(argument.wrong(EXPECTED));
                }
                if arguments.iter().any(|other| other.name == "driver") {
                    let message = "give either `driver` or `drivers`";
                    return Err(Error::new(argument.span, message));
                }
                quote!()
            }
            "driver" => {
                settings.driver = Some(argument.driver()?);
                quote!()
            }
            "loops" => {
                let loops = argument.loops()?;
                quote!(.loops(#loops))
            }
            "clock" => clock(argument)?,
            "timeout" => {
                let millis = millis(argument)?;
                quote!(.timeout(::core::time::Duration::from_millis(#millis)))
            }
            "seed" => {
                let seed: u64 = argument.number("a number from 0 to 2^64 - 1")?;
                quote!(.seed(#seed))
            }
            _ => return Err(argument.unknown(KNOWN)),
        };
        settings.calls.extend(call);
    }
    Ok(settings)
}

fn clock(argument: &Argument) -> Result<TokenStream> {
    const EXPECTED: &str = "\"real\" or \"mock\"";
    match argument.text(EXPECTED)?.as_str() {
        "real" => Ok(quote!()),
        "mock" if cfg!(feature = "test-util") => Ok(quote!(.mock_clock())),
        "mock" => {
            Err(argument.wrong("\"real\": the mock clock needs ringmill's feature `test-util`"))
        }
        _ => Err(argument.wrong(EXPECTED)),
    }
}

/// A duration such as "500ms", "5s" or "2m".
fn millis(argument: &Argument) -> Result<u64> {
    const EXPECTED: &str = "a time from 1 ms on, such as \"500ms\", \"5s\" or \"2m\"";
    let text = argument.text(EXPECTED)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(argument.wrong(EXPECTED)),
    };
    let number: Option<u64> = number.parse().ok();
    let millis = number.and_then(|number| number.checked_mul(factor));
    millis
        .filter(|millis| *millis > 0)
        .ok_or_else(|| argument.wrong(EXPECTED))
}

//! `#[ringmill::test]`.

use crate::arguments::{Argument, function, parse};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Error, Result, ReturnType};

const KNOWN: &str = "`drivers`, `driver`, `loops`, `clock`, `timeout` and `seed`";

/// Attributes that say something of the code, and not of the test.
const OF_CODE: [&str; 7] = [
    "cfg", "cfg_attr", "allow", "expect", "warn", "deny", "forbid",
];

/// What the tests are told, and the driver if there is to be one only.
#[derive(Default)]
struct Settings {
    calls: TokenStream,
    driver: Option<TokenStream>,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = parse(arguments, KNOWN)?;
    let settings = settings(&arguments)?;
    let function = function("test", item)?;
    if let Some(twice) = function.attrs.iter().find(|it| it.path().is_ident("test")) {
        return Err(Error::new_spanned(
            twice,
            "`#[ringmill::test]` makes it a test: leave `#[test]` out",
        ));
    }
    let (of_code, of_test): (Vec<&Attribute>, Vec<&Attribute>) = function
        .attrs
        .iter()
        .partition(|it| OF_CODE.iter().any(|name| it.path().is_ident(name)));
    let (signature, body) = (&function.sig, &function.block);
    let name = &signature.ident;
    let output = match &signature.output {
        ReturnType::Default => quote!(),
        ReturnType::Type(..) => quote!(-> impl ::std::process::Termination),
    };
    let calls = &settings.calls;
    let test = |test_name: &syn::Ident, full: &str, driver: &TokenStream, path: TokenStream| {
        quote! {
            #(#of_test)*
            #(#of_code)*
            #[::core::prelude::v1::test]
            fn #test_name() #output {
                ::ringmill::entry::Test::new(::core::module_path!(), #full, #driver)
                    #calls
                    .run(#path)
            }
        }
    };
    if let Some(driver) = &settings.driver {
        let body_name = format_ident!("{}_body", name);
        let mut inner = signature.clone();
        inner.ident = body_name.clone();
        let test = test(name, &name.to_string(), driver, quote!(#body_name));
        return Ok(quote! {
            #(#of_code)*
            #[cfg(test)]
            #inner #body
            #test
        });
    }
    let each = [("uring", "Uring"), ("epoll", "Epoll")].map(|(driver, kind)| {
        let (driver, kind) = (format_ident!("{driver}"), format_ident!("{kind}"));
        let kind = quote!(::ringmill::DriverKind::#kind);
        test(&driver, &driver.to_string(), &kind, quote!(super::#name))
    });
    Ok(quote! {
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

//! `#[ringmill::main]`.

use crate::arguments::{function, parse};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

const KNOWN: &str = "`loops` and `driver`";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = function("main", item)?;
    // With an argument that is wrong there is a `main` all the same, and no error about that.
    let (settings, complaint) = match settings(arguments) {
        Ok(settings) => (settings, None),
        Err(error) => (TokenStream::new(), Some(error.into_compile_error())),
    };
    let (attributes, visibility) = (&function.attrs, &function.vis);
    let (name, output, body) = (&function.sig.ident, &function.sig.output, &function.block);
    Ok(quote! {
        #complaint
        #(#attributes)*
        #visibility fn #name() #output {
            async fn #name() #output #body
            ::ringmill::entry::run_main(::ringmill::Builder::new() #settings, #name())
        }
    })
}

fn settings(arguments: TokenStream) -> Result<TokenStream> {
    let mut settings = TokenStream::new();
    for argument in parse(arguments, KNOWN)? {
        settings.extend(match argument.name.as_str() {
            "loops" => {
                let loops = argument.loops()?;
                quote!(.loops(#loops))
            }
            "driver" => {
                let driver = argument.driver()?;
                quote!(.driver(#driver))
            }
            _ => return Err(argument.unknown(KNOWN)),
        });
    }
    Ok(settings)
}

//! The attributes `#[ringmill::main]` and `#[ringmill::test]`, for the crate ringmill, which exports
//! them with its feature `macros` and documents them.

mod arguments;
mod main_fn;
mod test_fn;

use proc_macro::TokenStream;

/// Makes an `async fn main` the program's entry: its future runs on the first loop of a runtime that
/// is made for it.
///
/// ```ignore
/// #[ringmill::main]
/// async fn main() -> std::io::Result<()> {
///     let mut stream = ringmill::net::TcpStream::connect("127.0.0.1:80").await?;
///     stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await
/// }
/// ```
///
/// | argument | |
/// |---|---|
/// | `loops = 4` | how many loops; by default one a processor, as `Builder::loops` says |
/// | `driver = "epoll"` | `"uring"`, `"epoll"` or `"auto"`, the default, as `Builder::driver` says |
///
/// Where the runtime cannot be built, the program says why on the standard error and ends with
/// status 1. What else a runtime can be told is for its `Builder`.
///
/// What it expands to names the crate `ringmill`: it must not be renamed in `Cargo.toml`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let kept = item.clone();
    main_fn::expand(arguments.into(), item.into())
        .map_or_else(|error| complain(error, kept), TokenStream::from)
}

/// Makes an `async fn` a test, or one for each driver: `name::uring` and `name::epoll`.
///
/// ```ignore
/// #[ringmill::test(clock = "mock", timeout = "5s")]
/// async fn an_hour_passes() {
///     ringmill::time::sleep(std::time::Duration::from_secs(3600)).await;
/// }
/// ```
///
/// | argument | |
/// |---|---|
/// | `drivers = "all"` | a test for each driver, in a module with the function's name; the default |
/// | `driver = "uring"` | one test, on `"uring"`, `"epoll"` or whatever `"auto"` finds |
/// | `loops = 2` | how many loops; 1 by default |
/// | `clock = "mock"` | time jumps to the next timer while all tasks wait; needs ringmill's feature `test-util`. `"real"` is the default |
/// | `timeout = "5s"` | the real time after which the test has failed, in `ms`, `s` or `m` |
/// | `seed = 7` | the seed of the runtime's random numbers; by default `RINGMILL_SEED`, or chance |
///
/// The function may return what a test may return, and its other attributes (`#[should_panic]`,
/// `#[ignore]`, `#[cfg]` …) hold for each of the tests; lints and `#[cfg]` for its code as well. A driver that this machine does not have
/// fails its test.
///
/// At the end of the timeout the test panics, and those beside it go on. Where it does not come to
/// that within a second, as a task blocks the loop, the process aborts and says which test it was:
/// no thread can be stopped from outside. So it does where the runtime does not end within ten
/// seconds of that, as a task blocks another loop; for closures that still run in its pools it waits
/// for a second only.
///
/// What it expands to names the crate `ringmill`: it must not be renamed in `Cargo.toml`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let kept = item.clone();
    test_fn::expand(arguments.into(), item.into())
        .map_or_else(|error| complain(error, kept), TokenStream::from)
}

/// The error, and the item as it is: what else is wrong with it is said too, and nobody misses it.
fn complain(error: syn::Error, item: TokenStream) -> TokenStream {
    let mut all = TokenStream::from(error.into_compile_error());
    all.extend(item);
    all
}

//! The asynchronous operations that the sources have.

use crate::source::{Source, sources};
use std::collections::BTreeSet;

/// Their modules and names: public functions that are `async` or return `impl Future`, public types
/// that are futures or streams.
pub fn in_the_sources() -> BTreeSet<String> {
    let library = sources("src");
    let library = library.iter().filter(|file| file.layer().is_some());
    library.flat_map(of).collect()
}

fn of(file: &Source) -> Vec<String> {
    let code = &file.code;
    let module = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    let module = module.trim_end_matches("/mod").replace('/', "::");
    let mut names: Vec<&str> = Vec::new();
    for rest in after(code, "pub async fn ") {
        match word(rest) {
            // Made by a macro, from lines `name => what it does`.
            "" => names.extend(code.lines().filter_map(made_by_macro)),
            name => names.push(name),
        }
    }
    for rest in after(code, "pub fn ") {
        let head = rest.split(['{', ';']).next().unwrap_or_default();
        if head.contains("-> impl Future") {
            names.push(word(rest));
        }
    }
    for kind in [" Future for ", " IntoFuture for ", " Stream for "] {
        for rest in after(code, kind) {
            let name = word(rest);
            if after(code, "pub struct ").any(|rest| word(rest) == name) {
                names.push(name);
            }
        }
    }
    let path = |name: &str| format!("{module}::{name}");
    names.into_iter().map(path).collect()
}

fn after<'a>(code: &'a str, words: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(words)
        .map(move |(at, _)| &code[at + words.len()..])
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn made_by_macro(line: &str) -> Option<&str> {
    let (name, rest) = line.trim().split_once(" => ")?;
    (word(name) == name && rest.ends_with(';')).then_some(name)
}

#[test]
fn operations_are_found_in_all_their_forms() {
    const TEXT: &str = "
pub async fn plain() {}
pub(crate) async fn inner() {}
pub fn returned(&self) -> impl Future<Output = u32> + use<> {}
pub fn not_one(work: impl Future) -> u32 {}
pub struct Public { field: u32 }
pub(crate) struct Inner;
impl<T> Future for Public<T> {}
impl Future for Inner {}
macro_rules! made { () => { pub async fn $name() {} } }
made! {
    first => |path| call(path), \"\", ();
    second => call, \"\", u32;
}
";
    let file = Source::of("src/some/mod.rs".to_owned(), TEXT.to_owned());
    let mut found = of(&file);
    found.sort();
    let expected = ["Public", "first", "plain", "returned", "second"];
    assert_eq!(found, expected.map(|name| format!("some::{name}")));
}

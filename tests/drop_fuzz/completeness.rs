//! Reads off the sources which operations there are, and whether the table has them.

use crate::source::{Source, sources};
use crate::table::{EXCEPTIONS, rows};
use std::collections::{BTreeMap, BTreeSet};

/// What users await, by module, type and name: every `pub async fn`, every `pub fn` that gives an
/// `impl Future`, every public type that is a future, a stream or can be awaited.
#[derive(Default)]
struct Found {
    operations: BTreeSet<String>,
    /// All that may be called: a row may be of one whose future has a name of its own.
    functions: BTreeSet<String>,
}

/// An `impl` block, or a `macro_rules!`, with what stands before its name.
struct Block {
    end: String,
    types: Vec<String>,
    is_macro: bool,
}

impl Found {
    fn look_at(&mut self, file: &Source, public_types: &BTreeSet<String>) {
        let Some(folder) = file
            .path
            .strip_prefix("src/")
            .and_then(|path| path.rsplit_once('/'))
        else {
            return;
        };
        let module = folder.0.replace('/', "::");
        let mut blocks: Vec<Block> = Vec::new();
        // The arguments of the macro that is being written.
        let mut arguments = Vec::new();
        let lines: Vec<&str> = file.code.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let (indent, text) = line.split_at(line.len() - line.trim_start().len());
            if blocks
                .last()
                .is_some_and(|block| line.starts_with(&block.end))
            {
                blocks.pop();
                continue;
            }
            let head = head(&lines[number..]);
            let mut open = |types, is_macro| {
                // One without a body ends where it begins.
                if !head.ends_with("{}") {
                    blocks.push(Block {
                        end: format!("{indent}}}"),
                        types,
                        is_macro,
                    });
                }
            };
            if let Some(name) = text.strip_prefix("macro_rules! ") {
                arguments = invoked_with(&file.code, name.trim_end_matches(" {"));
                open(Vec::new(), true);
            } else if text.starts_with("impl") {
                let (of, types) = implemented(&head);
                let types = expanded(&types, &arguments);
                let public = types.iter().filter(|name| public_types.contains(*name));
                for name in public {
                    match of.as_str() {
                        "Future" | "IntoFuture" => {
                            self.operations.insert(format!("{module}::{name}"));
                        }
                        "Stream" => {
                            self.operations
                                .insert(format!("{module}::{name} as Stream"));
                        }
                        _ => {}
                    }
                }
                open(types, false);
            } else if let Some((name, is_async)) = function(text) {
                let types = blocks.iter().rev().find(|block| !block.is_macro);
                let prefixes: Vec<String> = match types {
                    Some(block) => {
                        let public = block
                            .types
                            .iter()
                            .filter(|name| public_types.contains(*name));
                        public.map(|name| format!("{module}::{name}")).collect()
                    }
                    None => vec![module.clone()],
                };
                for name in expanded(&name, &arguments) {
                    for prefix in &prefixes {
                        let full = format!("{prefix}::{name}");
                        if is_async || head.contains("-> impl Future<") {
                            self.operations.insert(full.clone());
                        }
                        self.functions.insert(full);
                    }
                }
            }
        }
    }
}

/// A declaration up to its body, in one line.
fn head(lines: &[&str]) -> String {
    let mut head = String::new();
    for line in lines {
        head.push_str(line.trim());
        head.push(' ');
        if line.ends_with(['{', ';', '}']) {
            break;
        }
    }
    head.trim().to_owned()
}

/// The name of a public function, and whether it is async.
fn function(text: &str) -> Option<(String, bool)> {
    let rest = text.strip_prefix("pub ")?;
    let (rest, is_async) = match rest.strip_prefix("async ") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(['(', '<'])?;
    Some((rest[..end].to_owned(), is_async))
}

/// The trait of an implementation, if there is one, and the type.
fn implemented(head: &str) -> (String, String) {
    let rest = head.trim_start_matches("impl");
    // Behind the generics.
    let mut depth = 0;
    let start = rest.find(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0 && c != '>'
    });
    let rest = rest[start.unwrap_or(0)..].trim_start_matches('>').trim();
    let (of, name) = rest.split_once(" for ").unwrap_or(("", rest));
    let last = |path: &str| {
        let end = path.find(['<', ' ', '{']).unwrap_or(path.len());
        path[..end]
            .rsplit("::")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    (last(of), last(name))
}

/// A name, or what a macro makes of `$name`.
fn expanded(name: &str, arguments: &[String]) -> Vec<String> {
    match name.starts_with('$') {
        true => arguments.to_vec(),
        false => vec![name.to_owned()],
    }
}

/// The names that a macro is invoked with: those before `=>`, or all.
fn invoked_with(code: &str, name: &str) -> Vec<String> {
    let call = format!("\n{name}!");
    let mut names = Vec::new();
    for (at, _) in code.match_indices(&call) {
        let rest = &code[at + call.len()..];
        let end = if rest.starts_with('(') { ");" } else { "\n}" };
        let inside = &rest[..rest.find(end).unwrap_or(rest.len())];
        if inside.contains("=>") {
            let lines = inside.lines().filter_map(|line| line.split_once(" => "));
            names.extend(lines.map(|(name, _)| name.trim().to_owned()));
        } else {
            let words = inside.split(|c: char| !c.is_alphanumeric() && c != '_');
            names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    names
}

fn public_types(code: &str) -> impl Iterator<Item = String> {
    code.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("pub struct ")?;
        let end = rest.find(['<', '(', ' ', ';', '{'])?;
        Some(rest[..end].to_owned())
    })
}

fn found() -> Found {
    let files = sources("src");
    let files: Vec<_> = files.iter().filter(|file| file.layer().is_some()).collect();
    // By layer: what is public in one may have the name of what is not in another.
    let mut public: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for file in &files {
        let types = public.entry(file.layer()).or_default();
        types.extend(public_types(&file.code));
    }
    let mut found = Found::default();
    for file in &files {
        found.look_at(file, &public[&file.layer()]);
    }
    found
}

#[test]
fn every_operation_of_the_sources_is_in_the_table() {
    let found = found();
    // So that it is not empty because the reading has gone wrong.
    for known in [
        "net::TcpStream::read",
        "fs::read_link",
        "stdio::Stderr::flush",
        "scope::scope",
        "task::JoinHandle",
        "net::Incoming as Stream",
        "runtime::Serve",
        "pipe::Sender::write_vectored",
    ] {
        assert!(found.operations.contains(known), "{known} was not found");
    }
    let rows: BTreeSet<_> = rows().map(|row| row.operation()).collect();
    let exceptions: BTreeSet<_> = EXCEPTIONS.iter().map(|(name, _)| *name).collect();
    let operations = found.operations.iter().map(String::as_str);
    let missing: Vec<_> = operations
        .filter(|name| !rows.contains(name) && !exceptions.contains(name))
        .collect();
    let all = |name: &str| found.operations.contains(name) || found.functions.contains(name);
    let gone: Vec<_> = rows.union(&exceptions).filter(|name| !all(name)).collect();
    let both: Vec<_> = rows.intersection(&exceptions).collect();
    assert!(
        missing.is_empty() && gone.is_empty() && both.is_empty(),
        "without a row in tests/drop_fuzz/table.rs: {missing:#?}\n\
         in the table, and not in the sources: {gone:#?}\nin both lists: {both:#?}"
    );
    println!("{} operations, {} rows", found.operations.len(), rows.len());
}

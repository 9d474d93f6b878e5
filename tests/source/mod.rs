//! Rust sources as the house rules see them: a lexer that knows comments and strings, and no more.

use std::fs;
use std::path::Path;

/// One file.
pub struct Source {
    /// From the package's root.
    pub path: String,
    pub text: String,
    /// The text with comments, the contents of strings, and unit tests blanked out; same lines.
    pub code: String,
}

/// The `.rs` files below a folder of the package.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(Path::new(folder), &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source::of(path.display().to_string(), text));
        }
    }
}

impl Source {
    pub fn of(path: String, text: String) -> Self {
        let code = without_unit_tests(&blanked(&text));
        Source { path, text, code }
    }

    /// The part of the library that the file belongs to; none for `lib.rs` and for files that are
    /// tests or models as a whole.
    pub fn layer(&self) -> Option<&str> {
        let inner = self.path.strip_prefix("src/")?;
        let is_test = ["/tests.rs", "/tests/", "/model.rs", "/models/"]
            .iter()
            .any(|part| self.path.contains(part));
        let layer = inner.split('/').next()?.trim_end_matches(".rs");
        (layer != "lib" && !is_test).then_some(layer)
    }

    /// Line `number`, from 1, as it is.
    pub fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number - 1).unwrap_or_default()
    }

    /// Whether the comment right above a line (or its attributes) contains `words`.
    pub fn has_comment_above(&self, line: usize, words: &str) -> bool {
        let above: Vec<&str> = self.text.lines().take(line - 1).map(str::trim).collect();
        above
            .iter()
            .rev()
            .take_while(|text| text.starts_with("//") || text.starts_with("#["))
            .any(|text| text.contains(words))
    }
}

/// Replaces comments and the contents of strings and characters by spaces.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |from: usize, to: usize, out: &mut String| {
        out.extend(
            chars[from..to]
                .iter()
                .map(|&c| if c == '\n' { c } else { ' ' }),
        );
    };
    while at < chars.len() {
        let end = token_end(&chars, at);
        match end {
            Some(end) => {
                blank(at, end, &mut out);
                at = end;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// The end of the comment, string or character that begins here.
fn token_end(chars: &[char], at: usize) -> Option<usize> {
    let starts = |text: &str| {
        text.chars()
            .enumerate()
            .all(|(n, c)| chars.get(at + n) == Some(&c))
    };
    let is_word =
        |at: Option<usize>| at.is_some_and(|at| chars[at].is_alphanumeric() || chars[at] == '_');
    let len = chars.len();
    if starts("//") {
        return Some((at..len).find(|&n| chars[n] == '\n').unwrap_or(len));
    }
    if starts("/*") {
        let mut depth = 0;
        for n in at..len {
            match (chars[n], chars.get(n + 1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) if depth == 1 => return Some(n + 2),
                ('*', Some('/')) => depth -= 1,
                _ => {}
            }
        }
        return Some(len);
    }
    if starts("r\"") || starts("r#") && !is_word(at.checked_sub(1)) {
        let hashes = (at + 1..len).take_while(|&n| chars[n] == '#').count();
        let open = at + 1 + hashes;
        if chars.get(open) != Some(&'"') {
            return None;
        }
        let closes = |n: &usize| {
            chars[*n] == '"' && (1..=hashes).all(|more| chars.get(n + more) == Some(&'#'))
        };
        return Some((open + 1..len).find(closes).map_or(len, |n| n + 1 + hashes));
    }
    if starts("\"") {
        let mut n = at + 1;
        while n < len && chars[n] != '"' {
            n += if chars[n] == '\\' { 2 } else { 1 };
        }
        return Some((n + 1).min(len));
    }
    if starts("'") {
        // A lifetime has no closing quote.
        if chars.get(at + 1) == Some(&'\\') {
            return (at + 3..len).find(|&n| chars[n] == '\'').map(|n| n + 1);
        }
        return (chars.get(at + 2) == Some(&'\'')).then_some(at + 3);
    }
    None
}

/// Cuts the unit tests at the end of a file off.
fn without_unit_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let opens = lines
            .peek()
            .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if line.starts_with("#[cfg(") && line.contains("test") && opens {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// The lines, from 1, in which `word` stands by itself.
pub fn find_words(text: &str, word: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands_alone = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let begins = before.is_none_or(|c| !is_word(c) && c != ':');
            let ends = !word.ends_with(is_word) || after.is_none_or(|c| !is_word(c));
            begins && ends
        })
    };
    let numbered = text.lines().zip(1..);
    numbered
        .filter(|(line, _)| stands_alone(line))
        .map(|(_, number)| number)
        .collect()
}

/// What follows each `crate::`, and in which line: the path, or each path of a group.
pub fn crate_uses(code: &str) -> Vec<(usize, String)> {
    let mut uses = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        // `$crate::` in a macro is as good; `other_crate::` is something else.
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(group) => uses.extend(members(group).map(|path| (line, path))),
            None => uses.push((line, path(rest))),
        }
    }
    uses
}

/// The members of a group, whose opening brace is behind.
fn members(group: &str) -> impl Iterator<Item = String> {
    let mut depth = 1;
    let mut members = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => members.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if let Some(last) = members.last_mut()
            && !(c == ',' && depth == 1)
        {
            last.push(c);
        }
    }
    members
        .into_iter()
        .map(|text| path(text.trim()))
        .filter(|path| !path.is_empty())
}

fn path(text: &str) -> String {
    let is_path = |c: &char| c.is_alphanumeric() || *c == '_' || *c == ':';
    text.chars()
        .take_while(is_path)
        .collect::<String>()
        .trim_end_matches(':')
        .to_owned()
}

/// What a library's root exports from its modules: the name, and the module.
pub fn exports(root: &str) -> Vec<(String, String)> {
    let code = blanked(root);
    let mut exports = Vec::new();
    for (at, start) in code.match_indices("pub use ") {
        let rest = &code[at + start.len()..];
        let Some((module, names)) = rest.split_once("::") else {
            continue;
        };
        let names: Vec<String> = match names.strip_prefix('{') {
            Some(group) => members(group).collect(),
            None => vec![path(names)],
        };
        for name in names {
            let name = name.rsplit("::").next().unwrap_or_default().to_owned();
            exports.push((name, module.to_owned()));
        }
    }
    exports
}

/// The lines, from 1, of conditional compilation inside function bodies.
pub fn conditional_in_bodies(code: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    // For each open brace, whether it is a function's; and what the next one will be.
    let mut open: Vec<bool> = Vec::new();
    let mut is_function = false;
    let mut depth = 0;
    for (text, number) in code.lines().zip(1..) {
        let inside = open.contains(&true);
        if inside && (text.contains("#[cfg") || !find_words(text, "cfg!(").is_empty()) {
            lines.push(number);
        }
        let mut word = String::new();
        for c in text.chars().chain(['\n']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            match word.as_str() {
                "fn" => is_function = true,
                "mod" | "impl" | "trait" | "struct" | "enum" | "union" if depth == 0 => {
                    // `-> impl Trait` is part of a function's head.
                    is_function &= word == "impl";
                }
                _ => {}
            }
            word.clear();
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ';' if depth == 0 => is_function = false,
                '{' => {
                    open.push(is_function);
                    is_function = false;
                }
                '}' => {
                    open.pop();
                }
                _ => {}
            }
        }
    }
    lines
}

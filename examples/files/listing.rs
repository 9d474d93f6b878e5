//! The page of a directory.

use crate::target::{Target, link};
use ringmill::fs::{self, File};
use std::fmt::{self, Write};
use std::io;
use std::os::fd::AsRawFd;

/// The most names on a page, so that no directory takes more memory than that.
const MOST: usize = 10_000;

/// Text, as HTML has it between tags.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            char => f.write_char(char),
        })
    }
}

/// What is in the directory, as links that are relative to it.
pub async fn page(directory: &File, target: &Target) -> io::Result<String> {
    // By what is open, and not by its path, which may mean something else by now.
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let mut entries = fs::read_dir(path).await?;
    let mut found = Vec::new();
    let mut has_more = false;
    while let Some(entry) = entries.next_entry().await? {
        has_more = found.len() == MOST;
        if has_more {
            break;
        }
        let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
        found.push((entry.file_name().clone(), is_directory));
    }
    found.sort_unstable();
    let title = match target.is_root() {
        true => "/".to_owned(),
        false => format!("/{}/", target.path().display()),
    };
    let title = Escaped(&title);
    let mut page = format!(
        "<!doctype html>\n<meta charset=utf-8>\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n"
    );
    if !target.is_root() {
        page += "<li><a href=\"../\">../</a>\n";
    }
    for (name, is_directory) in &found {
        let slash = if *is_directory { "/" } else { "" };
        let (link, shown) = (link(name), name.to_string_lossy());
        let shown = Escaped(&shown);
        page += &format!("<li><a href=\"{link}{slash}\">{shown}{slash}</a>\n");
    }
    page += "</ul>\n";
    if has_more {
        page += &format!("<p>There are more than these {MOST}.\n");
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn text_is_never_markup() {
        let escaped = Escaped("<a href='x' title=\"y\">&amp;</a>").to_string();
        assert_eq!(
            escaped,
            "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;amp;&lt;/a&gt;"
        );
    }
}

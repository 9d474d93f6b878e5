//! The path of a request, and what it names beneath the root.

use percent_encoding::percent_encode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// What does not stand for itself in a link: all but RFC 3986's unreserved characters. So a name
/// with a colon is not taken for a scheme, nor a backslash for a slash.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a request leads. Its names are decoded, once.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Relative to the root, and never empty: the root is ".".
    path: OsString,
    /// Whether it ended with a slash, as those of directories do.
    pub is_directory: bool,
}

/// Why a path leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// Nothing can have such a name.
    Malformed,
    /// Nothing has an empty name, and a redirect that began with two slashes would lead to another
    /// host.
    EmptyName,
}

impl Target {
    /// Reads the path of a URI. Dots are refused in whatever disguise: clients resolve them before
    /// they ask (RFC 3986, section 5.2.4). They could not lead out either way.
    pub fn parse(path: &str) -> Result<Self, BadTarget> {
        let names = path.strip_prefix('/').ok_or(BadTarget::Malformed)?;
        let (names, is_directory) = match names.strip_suffix('/') {
            Some(names) if !names.is_empty() => (names, true),
            Some(_) => return Err(BadTarget::EmptyName),
            None => (names, names.is_empty()),
        };
        let mut decoded = Vec::with_capacity(names.len() + 1);
        for name in names.split('/').filter(|_| !names.is_empty()) {
            let name: Vec<u8> = percent_decode_str(name).collect();
            match &name[..] {
                b"" => return Err(BadTarget::EmptyName),
                b"." | b".." => return Err(BadTarget::Malformed),
                name if name.iter().any(|byte| matches!(byte, b'/' | 0)) => {
                    return Err(BadTarget::Malformed);
                }
                name => {
                    if !decoded.is_empty() {
                        decoded.push(b'/');
                    }
                    decoded.extend_from_slice(name);
                }
            }
        }
        if decoded.is_empty() {
            decoded.push(b'.');
        }
        Ok(Target {
            path: OsString::from_vec(decoded),
            is_directory,
        })
    }

    pub fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    pub fn is_root(&self) -> bool {
        self.path == "."
    }

    /// The path of the directory that this is, as a link.
    pub fn directory_link(&self) -> String {
        if self.is_root() {
            return "/".to_owned();
        }
        let names = self.path.as_bytes().split(|&byte| byte == b'/');
        let mut link = String::new();
        for name in names {
            link.push('/');
            link.extend(percent_encode(name, ESCAPED));
        }
        link + "/"
    }
}

/// A name as a link from the directory that it is in.
pub fn link(name: &OsStr) -> String {
    percent_encode(name.as_bytes(), ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(path: &str) -> (Vec<u8>, bool) {
        let target = Target::parse(path).unwrap();
        (target.path.into_vec(), target.is_directory)
    }

    #[test]
    fn names_are_decoded_once() {
        assert_eq!(parsed("/"), (b".".to_vec(), true));
        assert_eq!(parsed("/a"), (b"a".to_vec(), false));
        assert_eq!(parsed("/a/b/"), (b"a/b".to_vec(), true));
        assert_eq!(parsed("/a%20b"), (b"a b".to_vec(), false));
        assert_eq!(parsed("/%252e%252e"), (b"%2e%2e".to_vec(), false));
        assert_eq!(parsed("/%ff%80"), (b"\xff\x80".to_vec(), false));
        assert_eq!(parsed("/..%5c.."), (b"..\\..".to_vec(), false));
        assert_eq!(parsed("/..."), (b"...".to_vec(), false));
        // Not an escape: it stands for itself.
        assert_eq!(parsed("/%zz%2"), (b"%zz%2".to_vec(), false));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for path in [
            "", "*", "a", "/.", "/..", "/a/..", "/../a", "/%2e%2e", "/%2E./a", "/.%2e/", "/a%2fb",
            "/..%2fa", "/a%00", "/%2e",
        ] {
            assert_eq!(Target::parse(path), Err(BadTarget::Malformed), "{path}");
        }
        for path in ["//", "//a", "/a//b", "/a//", "///"] {
            assert_eq!(Target::parse(path), Err(BadTarget::EmptyName), "{path}");
        }
    }

    #[test]
    fn links_lead_back() {
        for name in ["a b", "..\\..", "a:b?c#d&e\"'<>%", "\u{fc}"] {
            let link = link(OsStr::new(name));
            assert!(link.is_ascii() && !link.contains([':', '"', '<', '\\']));
            let target = Target::parse(&format!("/{link}/")).unwrap();
            assert_eq!(target.path, name);
            assert_eq!(target.directory_link(), format!("/{link}/"));
        }
    }
}

//! Whatever has a path: it happens, or does not.

use super::directory;
use crate::cut::Cut;
use futures_lite::StreamExt;
use ringmill::fs::{self, ReadDir};
use std::collections::HashSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const TEXT: &str = "what was there before";

/// So many entries are read at once.
const BATCH: usize = 512;

/// More than that.
const ENTRIES: usize = 600;

/// A directory with a file, a link to it, an empty directory and one that is not.
fn tree() -> PathBuf {
    let root = directory();
    std::fs::write(root.join("file"), TEXT).unwrap();
    std::os::unix::fs::symlink("file", root.join("link")).unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    std::fs::create_dir_all(root.join("full/inner")).unwrap();
    std::fs::write(root.join("full/inner/file"), TEXT).unwrap();
    root
}

/// Asks by `ask`; what it says is right.
async fn asking<T>(
    cut: Cut,
    ask: impl AsyncFnOnce(PathBuf) -> io::Result<T>,
    right: impl FnOnce(&Path, T) -> bool,
) {
    let root = tree();
    if let Some(answer) = cut.at(ask(root.clone())).await {
        assert!(right(&root, answer.unwrap()));
    }
    assert_eq!(std::fs::read_to_string(root.join("file")).unwrap(), TEXT);
}

/// Does something by `act`, and sees by `done` whether it was. It must have been unless it was ended.
async fn doing<T>(
    cut: Cut,
    act: impl AsyncFnOnce(PathBuf) -> io::Result<T>,
    done: impl Fn(&Path) -> bool,
) {
    let root = tree();
    assert!(!done(&root));
    if let Some(acted) = cut.at(act(root.clone())).await {
        acted.unwrap();
        assert!(done(&root));
    }
}

pub async fn read(cut: Cut) {
    let ask = async |root: PathBuf| fs::read(root.join("file")).await;
    asking(cut, ask, |_, bytes| bytes == TEXT.as_bytes()).await;
}

pub async fn read_to_string(cut: Cut) {
    let ask = async |root: PathBuf| fs::read_to_string(root.join("file")).await;
    asking(cut, ask, |_, text| text == TEXT).await;
}

pub async fn metadata(cut: Cut) {
    let ask = async |root: PathBuf| fs::metadata(root.join("link")).await;
    asking(cut, ask, |_, metadata| metadata.is_file()).await;
}

pub async fn symlink_metadata(cut: Cut) {
    let ask = async |root: PathBuf| fs::symlink_metadata(root.join("link")).await;
    asking(cut, ask, |_, metadata| metadata.is_symlink()).await;
}

pub async fn exists(cut: Cut) {
    let ask = async |root: PathBuf| fs::exists(root.join("file")).await;
    asking(cut, ask, |_, is| is).await;
}

pub async fn canonicalize(cut: Cut) {
    let ask = async |root: PathBuf| fs::canonicalize(root.join("link")).await;
    asking(cut, ask, |root, path| {
        path == root.canonicalize().unwrap().join("file")
    })
    .await;
}

pub async fn read_link(cut: Cut) {
    let ask = async |root: PathBuf| fs::read_link(root.join("link")).await;
    asking(cut, ask, |_, path| path == Path::new("file")).await;
}

pub async fn create_dir(cut: Cut) {
    let act = async |root: PathBuf| fs::create_dir(root.join("new")).await;
    doing(cut, act, |root| root.join("new").is_dir()).await;
}

pub async fn create_dir_all(cut: Cut) {
    let act = async |root: PathBuf| fs::create_dir_all(root.join("new/inner")).await;
    doing(cut, act, |root| root.join("new/inner").is_dir()).await;
}

pub async fn remove_file(cut: Cut) {
    let act = async |root: PathBuf| fs::remove_file(root.join("file")).await;
    doing(cut, act, |root| !root.join("file").exists()).await;
}

pub async fn remove_dir(cut: Cut) {
    let act = async |root: PathBuf| fs::remove_dir(root.join("empty")).await;
    doing(cut, act, |root| !root.join("empty").exists()).await;
}

pub async fn remove_dir_all(cut: Cut) {
    let act = async |root: PathBuf| fs::remove_dir_all(root.join("full")).await;
    doing(cut, act, |root| !root.join("full").exists()).await;
}

fn has_text(path: PathBuf) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text == TEXT)
}

pub async fn copy(cut: Cut) {
    let act = async |root: PathBuf| fs::copy(root.join("file"), root.join("new")).await;
    doing(cut, act, |root| has_text(root.join("new"))).await;
}

/// One of the names is always there.
pub async fn rename(cut: Cut) {
    let act = async |root: PathBuf| fs::rename(root.join("file"), root.join("new")).await;
    let done = |root: &Path| {
        let (old, new) = (root.join("file").exists(), has_text(root.join("new")));
        assert!(old || has_text(root.join("new")));
        new
    };
    doing(cut, act, done).await;
}

pub async fn hard_link(cut: Cut) {
    let act = async |root: PathBuf| fs::hard_link(root.join("file"), root.join("new")).await;
    doing(cut, act, |root| has_text(root.join("new"))).await;
}

pub async fn symlink(cut: Cut) {
    let act = async |root: PathBuf| fs::symlink("file", root.join("new")).await;
    doing(cut, act, |root| has_text(root.join("new"))).await;
}

pub async fn write(cut: Cut) {
    let act = async |root: PathBuf| fs::write(root.join("new"), TEXT).await;
    doing(cut, act, |root| has_text(root.join("new"))).await;
}

pub async fn set_permissions(cut: Cut) {
    let only_me = || Permissions::from_mode(0o600);
    let act = async |root: PathBuf| fs::set_permissions(root.join("file"), only_me()).await;
    let mode = |root: &Path| root.join("file").metadata().unwrap().permissions().mode() & 0o777;
    doing(cut, act, |root| mode(root) == 0o600).await;
}

pub async fn read_dir(cut: Cut) {
    let root = tree();
    if let Some(entries) = cut.at(fs::read_dir(&root)).await {
        assert!(entries.unwrap().next_entry().await.unwrap().is_some());
    }
}

/// A directory of many entries, for all scenes.
fn many() -> &'static Path {
    static MANY: OnceLock<PathBuf> = OnceLock::new();
    MANY.get_or_init(|| {
        let root = directory();
        for number in 0..ENTRIES {
            std::fs::write(root.join(number.to_string()), "").unwrap();
        }
        root
    })
}

/// Every entry comes, and comes once. `next` is told whether it is to be ended here: where a batch
/// begins.
async fn listing(
    next: impl AsyncFn(&mut ReadDir, bool) -> Option<Option<io::Result<fs::DirEntry>>>,
) {
    let mut entries = fs::read_dir(many()).await.unwrap();
    let mut found = HashSet::new();
    loop {
        let at = found.len() % BATCH;
        match next(
            &mut entries,
            at < 2 || at + 1 == BATCH || found.len() == ENTRIES,
        )
        .await
        {
            Some(Some(entry)) => assert!(found.insert(entry.unwrap().file_name().clone())),
            Some(None) => break,
            None => {}
        }
    }
    assert_eq!(found.len(), ENTRIES);
}

pub async fn next_entry(cut: Cut) {
    listing(async |entries, here| match here {
        true => Some(cut.at(entries.next_entry()).await?.transpose()),
        false => Some(entries.next_entry().await.transpose()),
    })
    .await;
}

pub async fn entries(cut: Cut) {
    listing(async |entries, here| match here {
        true => cut.at(entries.next()).await,
        false => Some(entries.next().await),
    })
    .await;
}

pub async fn entry_metadata(cut: Cut) {
    let root = directory();
    std::fs::write(root.join("file"), TEXT).unwrap();
    let entry = fs::read_dir(&root).await.unwrap().next_entry().await;
    let entry = entry.unwrap().unwrap();
    if let Some(metadata) = cut.at(entry.metadata()).await {
        assert_eq!(metadata.unwrap().len(), TEXT.len() as u64);
    }
}

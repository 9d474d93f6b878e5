//! Child processes: none is left, whoever was to wait for it.

use crate::cut::Cut;
use ringmill::process::{Child, Command, Stdio};

fn says() -> Command {
    let mut command = Command::new("/bin/echo");
    command
        .arg("said")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Runs until it is killed.
fn sleeps() -> Child {
    let mut command = Command::new("/bin/sleep");
    command.arg("1000").kill_on_drop(true);
    command.spawn().unwrap()
}

pub async fn status(cut: Cut) {
    if let Some(status) = cut.at(says().status()).await {
        assert!(status.unwrap().success());
    }
}

pub async fn output(cut: Cut) {
    if let Some(output) = cut.at(says().stdout(Stdio::piped()).output()).await {
        assert_eq!(output.unwrap().stdout, b"said\n");
    }
}

pub async fn wait(cut: Cut) {
    let mut child = says().spawn().unwrap();
    let status = loop {
        if let Some(status) = cut.at(child.wait()).await {
            break status.unwrap();
        }
    };
    assert!(status.success());
    assert_eq!(child.wait().await.unwrap(), status);
}

pub async fn wait_with_output(cut: Cut) {
    let child = says().stdout(Stdio::piped()).spawn().unwrap();
    if let Some(output) = cut.at(child.wait_with_output()).await {
        assert_eq!(output.unwrap().stdout, b"said\n");
    }
}

pub async fn kill(cut: Cut) {
    let mut child = sleeps();
    if cut.ok(child.kill()).await.is_some() {
        assert!(!child.wait().await.unwrap().success());
    }
}

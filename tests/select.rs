//! `select!` and `join!` of Tokio and of futures-util, over this crate's operations and on its loops.

mod kit;

use futures_util::FutureExt;
use kit::block_on;
use kit::driver::{apply, on_each_driver};
use kit::tcp::pair;
use ringmill::channel::mpsc;
use ringmill::scope::{move_on_after, shield};
use ringmill::spawn;
use ringmill::time::{interval, sleep};
use std::time::Duration;

const MESSAGES: u32 = 1_000;

const LONG: Duration = Duration::from_secs(3_600);

/// Every branch is polled and dropped over and over, and what each gives comes once and in order.
#[apply(on_each_driver)]
fn tokios_select_loses_nothing() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let (sender, mut receiver) = mpsc::channel(4);
        let writing = spawn(async move {
            for number in 0..MESSAGES {
                client.write_all(&number.to_be_bytes()).await.unwrap();
            }
        });
        let sending = spawn(async move {
            for number in 0..MESSAGES {
                sender.send(number).await.unwrap();
            }
        });
        let mut ticks = interval(Duration::from_micros(50));
        let (mut bytes, mut messages) = (Vec::new(), Vec::new());
        let mut room = [0; 7];
        loop {
            tokio::select! {
                read = server.read(&mut room) => match read.unwrap() {
                    0 => break,
                    read => bytes.extend_from_slice(&room[..read]),
                },
                Some(number) = receiver.recv() => messages.push(number),
                _ = ticks.tick() => {}
                () = sleep(LONG) => panic!("nothing came"),
            }
        }
        while let Some(number) = receiver.recv().await {
            messages.push(number);
        }
        let all: Vec<u8> = (0..MESSAGES).flat_map(u32::to_be_bytes).collect();
        assert!(bytes == all && messages.into_iter().eq(0..MESSAGES));
        let (written, sent) = tokio::join!(writing, sending);
        assert!(written.is_ok() && sent.is_ok());
    });
}

#[apply(on_each_driver)]
fn those_of_futures_util_work_as_well() {
    block_on(async {
        let (sender, mut receiver) = mpsc::channel(1);
        let (sent, received) = futures_util::join!(sender.send(7), receiver.recv());
        assert_eq!((sent, received), (Ok(()), Some(7)));
        let long = sleep(LONG).fuse();
        let soon = sleep(Duration::from_millis(1)).fuse();
        futures_util::pin_mut!(long, soon);
        futures_util::select! {
            () = long => panic!("an hour is over"),
            () = soon => {}
        }
    });
}

/// A branch that is shielded is waited for, the others end with the scope.
#[apply(on_each_driver)]
fn a_scope_reaches_the_branches() {
    block_on(async {
        let mut done = false;
        let both = async {
            let shielded = shield(async {
                sleep(Duration::from_millis(3)).await;
                done = true;
            });
            tokio::join!(shielded, sleep(LONG));
        };
        assert_eq!(move_on_after(Duration::from_millis(1), both).await, None);
        assert!(done);
    });
}

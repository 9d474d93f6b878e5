//! Files: what a read that was let finish gives is what is there, whatever was dropped beside it.

use crate::chance::Storm;
use crate::kit::random::{check, patterned};
use crate::kit::scratch::Scratch;
use ringmill::fs::{OpenOptions, RegisteredBuffers};
use ringmill::time::sleep;
use std::io::ErrorKind;
use std::time::Duration;

const BLOCK: usize = 4096;
const BLOCKS: usize = 64;

/// Reads and writes until the storm is over; gives how many reads were checked.
pub async fn use_one(storm: Storm) -> u64 {
    let directory = Scratch::new();
    let options = OpenOptions::new().read(true).write(true).create(true);
    let path = directory.path().join("file");
    std::fs::write(&path, patterned(0, BLOCK * BLOCKS)).unwrap();
    let cached = options.open(&path).await.unwrap();
    let direct = match options.direct(true).open(&path).await {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            cached.try_clone_std().unwrap().into()
        }
        file => file.unwrap(),
    };
    let registered = RegisteredBuffers::new(4, BLOCK).unwrap();
    let mut checked = 0;
    while storm.rages() {
        let number = storm.below(BLOCKS - 2);
        let at = (number * BLOCK) as u64;
        // What is dropped on its way to the disk goes on there: only as much as there are buffers.
        let done = match (storm.below(6), registered.take(), registered.take()) {
            (0, ..) => storm.cut(cached.read_at(vec![0; BLOCK], at)).await,
            (1, ..) => {
                let rooms = vec![vec![0; 1000], vec![0; BLOCK]];
                let read = storm.cut(cached.read_vectored_at(rooms, at)).await;
                read.map(|(read, rooms)| (read, rooms.concat()))
            }
            // The same bytes again: whether it happens does not matter.
            (2, ..) => {
                let pieces = vec![patterned(at, 100), patterned(at + 100, 100)];
                let written = storm.cut(cached.write_vectored_at(pieces, at)).await;
                written.map(|(written, pieces)| (written, pieces.concat()))
            }
            (3, Some(mut one), Some(mut two)) => {
                one.copy_from_slice(&patterned(at, BLOCK));
                two.copy_from_slice(&patterned(at + BLOCK as u64, BLOCK));
                let written = storm
                    .cut(direct.write_vectored_at(vec![one, two], at))
                    .await;
                written.map(|(written, both)| (written, [&both[0][..], &both[1]].concat()))
            }
            (4, Some(one), Some(two)) => {
                let read = storm.cut(direct.read_vectored_at(vec![one, two], at)).await;
                read.map(|(read, both)| (read, [&both[0][..], &both[1]].concat()))
            }
            (_, Some(buffer), _) => {
                let read = storm.cut(direct.read_at(buffer, at)).await;
                read.map(|(read, buffer)| (read, buffer.to_vec()))
            }
            _ => None,
        };
        if let Some((count, bytes)) = done {
            check(&bytes[..count.unwrap()], at);
            checked += 1;
        }
        // The others are to have most of the time: a disk is slow.
        sleep(Duration::from_millis(1)).await;
    }
    checked
}

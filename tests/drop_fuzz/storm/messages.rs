//! Messages: a dropped `write_all` leaves a beginning of its message, a dropped `send` all of it or
//! nothing.

use crate::chance::Storm;
use crate::kit::wait::soon;
use ringmill::net::TcpStream;
use std::cell::RefCell;
use std::collections::HashSet;
use std::net::Shutdown;
use std::rc::Rc;

/// Words of one message, each telling its message, its place in it, and how many there are.
const WORD: usize = 8;

fn message(id: u32, words: u16) -> Vec<u8> {
    let word = |place: u16| {
        let head = id.to_le_bytes();
        let (place, words) = (place.to_le_bytes(), words.to_le_bytes());
        [
            head[0], head[1], head[2], head[3], place[0], place[1], words[0], words[1],
        ]
    };
    (0..words).flat_map(word).collect()
}

/// What a writer knows of its messages.
#[derive(Default)]
pub struct Sent {
    /// These must arrive whole.
    whole: HashSet<u32>,
    /// These must arrive whole or not at all.
    whole_or_none: HashSet<u32>,
}

/// Writes and sends messages until the storm is over.
pub async fn write(storm: Storm, mut stream: TcpStream, sent: Rc<RefCell<Sent>>) {
    let mut id = 0;
    while storm.rages() {
        id += 1;
        let bytes = message(id, 1 + storm.below(1_200) as u16);
        match storm.below(4) {
            0 => {
                sent.borrow_mut().whole_or_none.insert(id);
                if let Some((result, buffer)) = storm.cut(stream.send(bytes.clone())).await {
                    result.unwrap();
                    assert!(buffer == bytes);
                    sent.borrow_mut().whole.insert(id);
                }
            }
            1 => {
                if let Some(flushed) = storm.cut(stream.flush()).await {
                    flushed.unwrap();
                }
            }
            _ => {
                if let Some(written) = storm.cut(stream.write_all(&bytes)).await {
                    written.unwrap();
                    sent.borrow_mut().whole.insert(id);
                }
            }
        }
    }
    while storm.cut(stream.shutdown(Shutdown::Write)).await.is_none() {}
    // The reader has its end now, and ends the other direction by its drop.
    assert_eq!(soon("the end", stream.read(&mut [0; 1])).await.unwrap(), 0);
}

/// Reads to the end, and checks what came.
pub async fn read(storm: Storm, mut stream: TcpStream, sent: Rc<RefCell<Sent>>) {
    let mut rest = Vec::new();
    let mut current: Option<(u32, u16, u16)> = None;
    let over = |message: Option<(u32, u16, u16)>| {
        if let Some((id, arrived, words)) = message
            && sent.borrow().whole_or_none.contains(&id)
        {
            assert_eq!(arrived, words, "message {id} was sent in part");
        }
    };
    let mut arrived_whole = HashSet::new();
    loop {
        let Some(bytes) = storm.read(&mut stream).await else {
            continue;
        };
        if bytes.is_empty() {
            break;
        }
        rest.extend_from_slice(&bytes);
        let words = rest.len() / WORD;
        for word in rest.drain(..words * WORD).collect::<Vec<_>>().chunks(WORD) {
            let id = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            let place = u16::from_le_bytes([word[4], word[5]]);
            let words = u16::from_le_bytes([word[6], word[7]]);
            match current {
                Some((known, arrived, _)) if known == id => assert_eq!(place, arrived),
                before => {
                    over(before);
                    assert!(before.is_none_or(|(known, ..)| known < id));
                    assert_eq!(place, 0, "message {id} lost its beginning");
                }
            }
            current = Some((id, place + 1, words));
            if place + 1 == words {
                arrived_whole.insert(id);
            }
        }
    }
    over(current);
    assert!(rest.is_empty());
    let lost = sent.borrow().whole.difference(&arrived_whole).count();
    assert_eq!(lost, 0, "messages that had been written whole");
}

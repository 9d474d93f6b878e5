//! The commands that came in together: the replies of this loop, the commands for others, and how
//! the replies are put together in the order of the commands.

use super::resp;

/// Bytes of replies, or of commands for one loop, from which on what is there goes first.
const FULL: usize = 64 << 10;

/// What a loop answered to the commands that were sent to it.
#[derive(Default)]
pub struct Replies {
    pub bytes: Vec<u8>,
    /// Where each of them ends.
    pub ends: Vec<usize>,
}

/// One reply, or part of one.
enum Part {
    /// Of this loop: its replies up to here.
    Here(usize),
    /// The next one of that loop.
    There(usize),
    /// The sum of so many that follow.
    Sum(usize),
    /// OK, if so many that follow are.
    AllOk(usize),
}

#[derive(Default)]
pub struct Batch {
    out: Vec<u8>,
    /// Empty while all is done here: then `out` is the replies.
    parts: Vec<Part>,
    /// Commands for each loop, and which of them was added to last.
    away: Vec<Vec<u8>>,
    last: usize,
}

impl Batch {
    pub fn new(loops: usize) -> Self {
        Batch {
            away: vec![Vec::new(); loops],
            ..Self::default()
        }
    }

    /// Where this loop's replies are written.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// The next reply is the sum of the `count` that follow.
    pub fn sum(&mut self, count: usize) {
        self.part(Part::Sum(count));
    }

    /// The next reply is OK if all of the `count` that follow are.
    pub fn all_ok(&mut self, count: usize) {
        self.part(Part::AllOk(count));
    }

    /// A reply of this loop is complete, and stands for itself.
    pub fn end_reply(&mut self) {
        if !self.parts.is_empty() {
            self.parts.push(Part::Here(self.out.len()));
        }
    }

    /// The next reply comes from another loop, to the command that is written to what this gives.
    pub fn away(&mut self, target: usize) -> &mut Vec<u8> {
        self.part(Part::There(target));
        self.last = target;
        &mut self.away[target]
    }

    fn part(&mut self, part: Part) {
        if self.parts.is_empty() {
            self.parts.push(Part::Here(self.out.len()));
        }
        self.parts.push(part);
    }

    /// Whether it is time to send what is there.
    pub fn is_full(&self) -> bool {
        self.out.len() >= FULL || self.away[self.last].len() >= FULL
    }

    /// The commands for other loops; none if there are none.
    pub fn take_away(&mut self) -> Vec<(usize, Vec<u8>)> {
        if self.parts.is_empty() {
            return Vec::new();
        }
        let waiting = self.away.iter_mut().enumerate();
        let waiting = waiting.filter(|(_, commands)| !commands.is_empty());
        waiting
            .map(|(target, commands)| (target, std::mem::take(commands)))
            .collect()
    }

    /// All replies in order; `there` has those of the other loops, or `None` of one that is gone.
    pub fn finish(&mut self, there: &[Option<Replies>]) -> &[u8] {
        if self.parts.is_empty() {
            return &self.out;
        }
        let mut whole = Vec::with_capacity(self.out.len());
        let mut source = Source {
            out: &self.out,
            taken: 0,
            there,
            next: vec![0; there.len()],
        };
        let mut parts = self.parts.iter();
        while let Some(part) = parts.next() {
            let (count, all_ok) = match part {
                Part::Sum(count) => (*count, false),
                Part::AllOk(count) => (*count, true),
                part => {
                    whole.extend_from_slice(source.reply(part));
                    continue;
                }
            };
            let mut sum = 0;
            let mut error = None;
            for part in parts.by_ref().take(count) {
                match source.reply(part) {
                    reply @ [b'-', ..] => error = Some(reply),
                    [b':', digits @ .., b'\r', b'\n'] => sum += resp::integer(digits).unwrap_or(0),
                    _ => {}
                }
            }
            match error {
                Some(error) => whole.extend_from_slice(error),
                None if all_ok => resp::write_simple(&mut whole, "OK"),
                None => resp::write_integer(&mut whole, sum),
            }
        }
        self.parts.clear();
        self.out = whole;
        &self.out
    }

    /// The replies were sent.
    pub fn clear(&mut self) {
        self.out.clear();
        // What was needed once is not kept for ever.
        self.out.shrink_to(FULL);
    }
}

/// Where replies are taken from.
struct Source<'a> {
    out: &'a [u8],
    taken: usize,
    there: &'a [Option<Replies>],
    next: Vec<usize>,
}

impl<'a> Source<'a> {
    fn reply(&mut self, part: &Part) -> &'a [u8] {
        match *part {
            Part::Here(end) => &self.out[std::mem::replace(&mut self.taken, end)..end],
            Part::There(target) => {
                let Some(replies) = &self.there[target] else {
                    return b"-ERR the loop of this key is gone\r\n";
                };
                let number = self.next[target];
                self.next[target] = number + 1;
                let start = number
                    .checked_sub(1)
                    .map_or(0, |before| replies.ends[before]);
                &replies.bytes[start..replies.ends[number]]
            }
            Part::Sum(_) | Part::AllOk(_) => unreachable!("these are made of replies"),
        }
    }
}

//! The commands that came in together: the replies of this loop, the commands for others, and how
//! the replies are put together in the order of the commands.
//!
//! What of it lies in memory at a time is bounded, whatever was asked for and however slowly the
//! client reads: a loop answers until [`FULL`] is reached, the replies go out in order, and it goes
//! on when those of it that were there are used up.

use super::resp::{self, Command, Parser};

/// Bytes of replies, or of commands for one loop, from which on what is there goes first.
const FULL: usize = 64 << 10;
/// Room that is kept: bytes of each errand, and parts.
const KEEP_ERRAND: usize = 1 << 10;
const KEEP_PARTS: usize = 1 << 10;

/// Commands for one loop, and its replies: they go there and back until all is done.
#[derive(Default)]
pub struct Errand {
    commands: Vec<u8>,
    /// How much of the commands was done.
    done: usize,
    /// What came of it the last time, and where each reply ends.
    replies: Vec<u8>,
    ends: Vec<usize>,
    /// How many of these replies were taken.
    taken: usize,
    /// Its loop is gone.
    failed: bool,
}

impl Errand {
    /// Does the next of the commands: all, or as many as it takes to be full of replies.
    pub fn run(&mut self, mut execute: impl FnMut(Command<'_>, &mut Vec<u8>)) {
        self.replies.clear();
        self.ends.clear();
        self.taken = 0;
        let mut parser = Parser::default();
        while !self.is_done() && self.replies.len() < FULL {
            let Ok(Some((command, len))) = parser.parse(&self.commands[self.done..]) else {
                unreachable!("only whole commands are sent");
            };
            self.done += len;
            execute(command, &mut self.replies);
            self.ends.push(self.replies.len());
        }
    }

    fn is_done(&self) -> bool {
        self.done == self.commands.len()
    }

    /// The next reply that is there.
    fn next(&mut self) -> Option<&[u8]> {
        if self.failed {
            return Some(b"-ERR the loop of this key is gone\r\n");
        }
        let end = *self.ends.get(self.taken)?;
        let start = self.taken.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.taken += 1;
        Some(&self.replies[start..end])
    }

    fn clear(&mut self) {
        resp::clear(&mut self.commands, KEEP_ERRAND);
        self.done = 0;
        resp::clear(&mut self.replies, KEEP_ERRAND);
        resp::clear(&mut self.ends, KEEP_ERRAND / size_of::<usize>());
        self.taken = 0;
        self.failed = false;
    }
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
    /// What each loop is asked, and which of them was the last.
    errands: Vec<Errand>,
    last: usize,
}

impl Batch {
    pub fn new(loops: usize) -> Self {
        Batch {
            errands: std::iter::repeat_with(Errand::default)
                .take(loops)
                .collect(),
            ..Self::default()
        }
    }

    /// Where this loop's replies are written.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Whether there are enough replies of this loop.
    pub fn is_out_full(&self) -> bool {
        self.out.len() >= FULL
    }

    /// Whether it is time to send what is there.
    pub fn is_full(&self) -> bool {
        self.is_out_full() || self.errands[self.last].commands.len() >= FULL
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

    /// The next reply comes by an errand, from the command that is written to what this gives.
    pub fn away(&mut self, target: usize) -> &mut Vec<u8> {
        self.part(Part::There(target));
        self.last = target;
        &mut self.errands[target].commands
    }

    fn part(&mut self, part: Part) {
        if self.parts.is_empty() {
            self.parts.push(Part::Here(self.out.len()));
        }
        self.parts.push(part);
    }

    /// All replies, if all of them are of this loop.
    pub fn only_here(&self) -> Option<&[u8]> {
        self.parts.is_empty().then_some(&self.out)
    }

    /// Begins to put the replies together.
    pub fn join(&mut self) -> Join<'_> {
        Join {
            parts: &self.parts,
            at: 0,
            out: &self.out,
            taken: 0,
            errands: &mut self.errands,
            fold: None,
        }
    }

    /// The replies were sent.
    pub fn clear(&mut self) {
        // The last reply usually goes beyond `FULL`.
        resp::clear(&mut self.out, 2 * FULL);
        if !self.parts.is_empty() {
            resp::clear(&mut self.parts, KEEP_PARTS);
            self.errands.iter_mut().for_each(Errand::clear);
        }
    }
}

/// Puts replies together, in the order of the commands.
pub struct Join<'a> {
    parts: &'a [Part],
    at: usize,
    out: &'a [u8],
    taken: usize,
    errands: &'a mut [Errand],
    fold: Option<Fold>,
}

impl Join<'_> {
    /// The errands that have no reply left, but commands.
    pub fn leave(&mut self) -> impl Iterator<Item = (usize, Errand)> {
        let errands = self.errands.iter_mut().enumerate();
        let leaving = |errand: &Errand| errand.taken == errand.ends.len() && !errand.is_done();
        let errands = errands.filter(move |(_, errand)| leaving(errand));
        errands.map(|(target, errand)| (target, std::mem::take(errand)))
    }

    /// An errand is back; `None` if its loop is gone.
    pub fn is_back(&mut self, target: usize, errand: Option<Errand>) {
        let failed = || Errand {
            failed: true,
            ..Errand::default()
        };
        self.errands[target] = errand.unwrap_or_else(failed);
    }

    /// Appends the next replies to `whole`. Whether these are all; else errands are to leave.
    pub fn fill(&mut self, whole: &mut Vec<u8>) -> bool {
        while let Some(part) = self.parts.get(self.at) {
            let reply = match *part {
                Part::Here(end) => &self.out[std::mem::replace(&mut self.taken, end)..end],
                Part::There(target) => match self.errands[target].next() {
                    Some(reply) => reply,
                    None => return false,
                },
                Part::Sum(count) | Part::AllOk(count) => {
                    let all_ok = matches!(part, Part::AllOk(_));
                    self.fold = Some(Fold::new(count, all_ok));
                    self.at += 1;
                    continue;
                }
            };
            self.at += 1;
            match &mut self.fold {
                Some(fold) => {
                    if fold.add(reply) {
                        fold.write(whole);
                        self.fold = None;
                    }
                }
                None => whole.extend_from_slice(reply),
            }
        }
        true
    }
}

/// One reply that is made of several.
struct Fold {
    left: usize,
    all_ok: bool,
    sum: i64,
    error: Option<Vec<u8>>,
}

impl Fold {
    fn new(count: usize, all_ok: bool) -> Self {
        Fold {
            left: count,
            all_ok,
            sum: 0,
            error: None,
        }
    }

    /// Takes in the next of the replies; whether it was the last.
    fn add(&mut self, reply: &[u8]) -> bool {
        match reply {
            [b'-', ..] => self.error = Some(reply.to_vec()),
            [b':', digits @ .., b'\r', b'\n'] => self.sum += resp::integer(digits).unwrap_or(0),
            _ => {}
        }
        self.left -= 1;
        self.left == 0
    }

    fn write(&self, out: &mut Vec<u8>) {
        match &self.error {
            Some(error) => out.extend_from_slice(error),
            None if self.all_ok => resp::write_simple(out, "OK"),
            None => resp::write_integer(out, self.sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of one command that is made of as many as there are words, each for loop 1.
    fn batch(whole: impl FnOnce(&mut Batch, usize), words: &[&str]) -> Batch {
        let mut batch = Batch::new(2);
        whole(&mut batch, words.len());
        for word in words {
            let word = [word.as_bytes()].into_iter();
            resp::write_command(batch.away(1), word);
        }
        batch
    }

    /// The replies that are there at a time, until there are no more; a reply to each command is
    /// made by `execute`.
    fn join(batch: &mut Batch, execute: impl Fn(Command<'_>, &mut Vec<u8>)) -> Vec<Vec<u8>> {
        let (mut join, mut rounds) = (batch.join(), Vec::new());
        loop {
            let leaving: Vec<_> = join.leave().collect();
            for (target, mut errand) in leaving {
                errand.run(&execute);
                join.is_back(target, Some(errand));
            }
            let mut whole = Vec::new();
            let all = join.fill(&mut whole);
            rounds.push(whole);
            if all {
                return rounds;
            }
        }
    }

    #[test]
    fn replies_of_another_loop_come_a_bounded_number_at_a_time() {
        const LARGE: usize = 1 << 20;
        let array = |batch: &mut Batch, count| {
            resp::write_array(batch.out(), count);
            batch.end_reply();
        };
        let mut batch = batch(array, &["get"; 300]);
        let rounds = join(&mut batch, |_, out| resp::write_bulk(out, &[b'x'; LARGE]));
        let most = rounds.iter().map(Vec::len).max();
        assert!(most < Some(FULL + LARGE + 32), "{most:?}");

        let mut expected = Vec::new();
        resp::write_array(&mut expected, 300);
        for _ in 0..300 {
            resp::write_bulk(&mut expected, &[b'x'; LARGE]);
        }
        assert!(rounds.concat() == expected);
    }

    #[test]
    fn a_sum_goes_on_over_all_the_times_that_a_loop_answers() {
        let count = FULL;
        let mut summed = batch(Batch::sum, &vec!["del"; count]);
        let rounds = join(&mut summed, |_, out| resp::write_integer(out, 1));
        assert!(rounds.len() > 1);
        assert_eq!(rounds.concat(), format!(":{count}\r\n").into_bytes());

        let mut words = vec!["set"; count];
        words[count / 2] = "fail";
        let mut all_ok = batch(Batch::all_ok, &words);
        let replies = join(&mut all_ok, |command, out| match command.argument(0) {
            Some(b"fail") => resp::write_error(out, "ERR no"),
            _ => resp::write_simple(out, "OK"),
        });
        assert_eq!(replies.concat(), b"-ERR no\r\n");
    }

    #[test]
    fn what_was_needed_once_is_not_kept() {
        let mut batch = batch(Batch::sum, &vec!["del"; 100_000]);
        join(&mut batch, |_, out| resp::write_integer(out, 1));
        batch.out().extend_from_slice(&vec![0; 3 * FULL]);
        batch.clear();
        assert!(batch.out.capacity() <= 2 * FULL);
        assert!(batch.parts.capacity() <= KEEP_PARTS);
        for errand in &batch.errands {
            assert!(errand.commands.capacity() <= KEEP_ERRAND);
            assert!(errand.replies.capacity() <= KEEP_ERRAND);
            assert!(errand.ends.capacity() * size_of::<usize>() <= KEEP_ERRAND);
        }
    }

    #[test]
    fn the_keys_of_a_loop_that_is_gone_are_answered_with_an_error() {
        let mut batch = batch(|_, _| {}, &["get", "get"]);
        let mut join = batch.join();
        let errands: Vec<_> = join.leave().collect();
        assert_eq!(errands.len(), 1);
        join.is_back(1, None);
        let mut whole = Vec::new();
        assert!(join.fill(&mut whole));
        assert_eq!(whole, b"-ERR the loop of this key is gone\r\n".repeat(2));
    }
}

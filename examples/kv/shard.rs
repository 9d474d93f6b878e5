//! The keys of one loop.

use super::command::OneKey;
use super::resp::{self, Command};
use ringmill::time::{self, Instant};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

/// Between two looks for keys whose time is over and that nobody has asked for since.
const SWEEP_PERIOD: Duration = Duration::from_millis(100);
/// Keys that one look removes at most, so that it does not hold up the loop: some 100 µs.
const SWEEP_AT_ONCE: usize = 500;
/// Keys that are removed, if their time is over, for each new one that has an end: more than one, so
/// that there cannot be ever more of them however fast they come.
const SWEEP_FOR_EACH: usize = 2;

const SYNTAX: &str = "ERR syntax error";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const OVERFLOW: &str = "ERR increment or decrement would overflow";
const DECREMENT_OVERFLOW: &str = "ERR decrement would overflow";

#[derive(Default)]
pub struct Shard {
    entries: HashMap<Rc<[u8]>, Entry>,
    /// The keys that have an end, by that.
    expiring: BTreeSet<(Instant, Rc<[u8]>)>,
    sweeping: bool,
}

struct Entry {
    value: Vec<u8>,
    expires: Option<Instant>,
}

/// Does a command for one key, and writes the reply.
pub fn execute(shard: &Rc<RefCell<Shard>>, what: OneKey, command: Command<'_>, out: &mut Vec<u8>) {
    let mut here = shard.borrow_mut();
    if let Err(error) = here.execute(what, command, out) {
        resp::write_error(out, &error);
    }
    if !here.sweeping && !here.expiring.is_empty() {
        here.sweeping = true;
        drop(ringmill::spawn(sweep(shard.clone())));
    }
}

/// Removes what has expired for as long as there is something that will.
async fn sweep(shard: Rc<RefCell<Shard>>) {
    loop {
        let now = Instant::now();
        let next = shard.borrow_mut().remove_expired(now, SWEEP_AT_ONCE);
        match next {
            Some(next) if next <= now => ringmill::yield_now().await,
            // Not until then: what is set meanwhile may end earlier.
            Some(_) => time::sleep(SWEEP_PERIOD).await,
            None => break,
        }
    }
    shard.borrow_mut().sweeping = false;
}

impl Shard {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn clear(&mut self) {
        self.entries = HashMap::new();
        self.expiring = BTreeSet::new();
    }

    /// Removes what has expired, or as many of it; when the next ends, or has ended, if there is
    /// more.
    fn remove_expired(&mut self, now: Instant, at_most: usize) -> Option<Instant> {
        for _ in 0..at_most {
            match self.expiring.first() {
                Some((expires, _)) if *expires <= now => {}
                _ => break,
            }
            if let Some((_, key)) = self.expiring.pop_first() {
                self.entries.remove(&key);
            }
        }
        self.expiring.first().map(|(expires, _)| *expires)
    }

    fn execute(
        &mut self,
        what: OneKey,
        command: Command<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let key = command.argument(1).unwrap_or_default();
        let argument = command.argument(2).unwrap_or_default();
        let integer = || resp::integer(argument).ok_or(NOT_AN_INTEGER);
        match what {
            OneKey::Get => match self.get(key) {
                Some(entry) => resp::write_bulk(out, &entry.value),
                None => resp::write_nil(out),
            },
            OneKey::Set => self.set(key, argument, SetOptions::of(command)?, out),
            OneKey::Del => resp::write_integer(out, self.remove(key).into()),
            OneKey::Exists => resp::write_integer(out, self.get(key).is_some().into()),
            OneKey::Strlen => {
                let len = self.get(key).map_or(0, |entry| entry.value.len());
                resp::write_integer(out, len as i64);
            }
            OneKey::Append => {
                let len = self.change(key, b"", |value| append(value, argument))?;
                resp::write_integer(out, len);
            }
            OneKey::Incr(sign) => {
                let by = match command.len() {
                    3 => integer()?.checked_mul(sign).ok_or(DECREMENT_OVERFLOW)?,
                    _ => sign,
                };
                resp::write_integer(out, self.change(key, b"0", |value| add(value, by))?);
            }
            OneKey::Expire(unit) => {
                let invalid = || invalid_time(command);
                let millis = integer()?.checked_mul(unit).ok_or_else(invalid)?;
                let found = if millis > 0 {
                    self.expire(key, Some(after(millis).ok_or_else(invalid)?))
                } else {
                    self.remove(key)
                };
                resp::write_integer(out, found.into());
            }
            OneKey::Ttl(unit) => {
                let left = match self.get(key).map(|entry| entry.expires) {
                    None => -2,
                    Some(None) => -1,
                    Some(Some(expires)) => {
                        let left = expires.duration_since(Instant::now());
                        // Rounded to the nearest, as Redis does.
                        let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
                        millis.saturating_add(unit / 2) / unit
                    }
                };
                resp::write_integer(out, left);
            }
            OneKey::Persist => {
                let had = self.get(key).is_some_and(|entry| entry.expires.is_some());
                self.expire(key, None);
                resp::write_integer(out, had.into());
            }
        }
        Ok(())
    }

    /// The entry of a key, unless its time is over.
    fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| !entry.is_over())
    }

    fn get_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.entries.get_mut(key).filter(|entry| !entry.is_over())
    }

    fn put(&mut self, key: &[u8], entry: Entry) {
        let key: Rc<[u8]> = key.into();
        let expires = entry.expires;
        let before = self.entries.insert(key.clone(), entry);
        self.note_end(key, before.and_then(|entry| entry.expires), expires);
    }

    /// Removes a key; whether there was such a key.
    fn remove(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        if entry.expires.is_some() {
            self.note_end(key.into(), entry.expires, None);
        }
        !entry.is_over()
    }

    /// Sets or clears the end of a key; whether there is such a key.
    fn expire(&mut self, key: &[u8], expires: Option<Instant>) -> bool {
        let Some(entry) = self.get_mut(key) else {
            return false;
        };
        let before = std::mem::replace(&mut entry.expires, expires);
        self.note_end(key.into(), before, expires);
        true
    }

    fn note_end(&mut self, key: Rc<[u8]>, before: Option<Instant>, expires: Option<Instant>) {
        if let Some(before) = before {
            self.expiring.remove(&(before, key.clone()));
        }
        if let Some(expires) = expires {
            self.expiring.insert((expires, key));
            self.remove_expired(Instant::now(), SWEEP_FOR_EACH);
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: SetOptions, out: &mut Vec<u8>) {
        let before = self.get_mut(key);
        if options.is_plain()
            && let Some(entry) = before
            && entry.expires.is_none()
        {
            // The usual case: one look-up, and no allocation where the new value fits.
            entry.value.clear();
            entry.value.extend_from_slice(value);
            return resp::write_simple(out, "OK");
        }
        let before = self.get(key);
        let exists = before.is_some();
        let kept = before
            .and_then(|entry| entry.expires)
            .filter(|_| options.keeps_end);
        if options.returns_old {
            match before {
                Some(entry) => resp::write_bulk(out, &entry.value),
                None => resp::write_nil(out),
            }
        }
        if options.only_if.is_none_or(|wanted| wanted == exists) {
            let entry = Entry {
                value: value.to_vec(),
                expires: options.expires.or(kept),
            };
            self.put(key, entry);
            if !options.returns_old {
                resp::write_simple(out, "OK");
            }
        } else if !options.returns_old {
            resp::write_nil(out);
        }
    }

    /// Changes the value of a key, or `missing` if there is no such key, which is then made.
    fn change(
        &mut self,
        key: &[u8],
        missing: &[u8],
        change: impl FnOnce(&mut Vec<u8>) -> Result<i64, &'static str>,
    ) -> Result<i64, &'static str> {
        if let Some(entry) = self.get_mut(key) {
            return change(&mut entry.value);
        }
        let mut value = missing.to_vec();
        let changed = change(&mut value)?;
        let expires = None;
        self.put(key, Entry { value, expires });
        Ok(changed)
    }
}

/// Adds to the number that a value is.
fn add(value: &mut Vec<u8>, by: i64) -> Result<i64, &'static str> {
    let before = resp::integer(value).ok_or(NOT_AN_INTEGER)?;
    let sum = before.checked_add(by).ok_or(OVERFLOW)?;
    value.clear();
    value.extend_from_slice(itoa::Buffer::new().format(sum).as_bytes());
    Ok(sum)
}

fn append(value: &mut Vec<u8>, bytes: &[u8]) -> Result<i64, &'static str> {
    if value.len() + bytes.len() > resp::MAX_ARGUMENT {
        return Err("ERR string exceeds maximum allowed size");
    }
    value.extend_from_slice(bytes);
    Ok(value.len() as i64)
}

/// The point in time after so many milliseconds, if there is one.
fn after(millis: i64) -> Option<Instant> {
    let millis = u64::try_from(millis).ok()?;
    Instant::now().checked_add(Duration::from_millis(millis))
}

fn invalid_time(command: Command<'_>) -> String {
    let name = command.argument(0).unwrap_or_default().to_ascii_lowercase();
    let name = String::from_utf8_lossy(&name);
    format!("ERR invalid expire time in '{name}' command")
}

impl Entry {
    fn is_over(&self) -> bool {
        self.expires
            .is_some_and(|expires| expires <= Instant::now())
    }
}

/// What SET may be told besides key and value.
#[derive(Default)]
struct SetOptions {
    expires: Option<Instant>,
    keeps_end: bool,
    /// Only if the key exists (true), or only if not.
    only_if: Option<bool>,
    returns_old: bool,
}

impl SetOptions {
    fn of(command: Command<'_>) -> Result<Self, String> {
        let mut options = SetOptions::default();
        let mut words = command.arguments_from(3);
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let timeless = options.expires.is_none() && !options.keeps_end;
            if is("nx") && options.only_if != Some(true) {
                options.only_if = Some(false);
            } else if is("xx") && options.only_if != Some(false) {
                options.only_if = Some(true);
            } else if is("get") {
                options.returns_old = true;
            } else if is("keepttl") && timeless {
                options.keeps_end = true;
            } else if (is("ex") || is("px")) && timeless {
                let unit = if is("ex") { 1_000 } else { 1 };
                let time = resp::integer(words.next().ok_or(SYNTAX)?).ok_or(NOT_AN_INTEGER)?;
                let millis = time.checked_mul(unit).filter(|&millis| millis > 0);
                let expires = millis.and_then(after);
                options.expires = Some(expires.ok_or_else(|| invalid_time(command))?);
            } else {
                return Err(SYNTAX.to_owned());
            }
        }
        Ok(options)
    }

    fn is_plain(&self) -> bool {
        self.expires.is_none() && !self.keeps_end && self.only_if.is_none() && !self.returns_old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shard: &mut Shard, number: usize, expires: Instant) {
        let (value, expires) = (Vec::new(), Some(expires));
        shard.put(&number.to_le_bytes(), Entry { value, expires });
    }

    #[test]
    fn a_look_that_leaves_some_over_says_so() {
        let (mut shard, now) = (Shard::default(), Instant::now());
        let end = now + Duration::from_secs(3_600);
        for number in 0..3 * SWEEP_AT_ONCE {
            put(&mut shard, number, end);
        }
        assert_eq!(shard.remove_expired(now, SWEEP_AT_ONCE), Some(end));
        assert_eq!(shard.len(), 3 * SWEEP_AT_ONCE);
        for left in [2, 1] {
            assert_eq!(shard.remove_expired(end, SWEEP_AT_ONCE), Some(end));
            assert_eq!(shard.len(), left * SWEEP_AT_ONCE);
        }
        assert_eq!(shard.remove_expired(end, SWEEP_AT_ONCE), None);
        assert_eq!(shard.len(), 0);
    }

    #[test]
    fn what_has_ended_does_not_pile_up_however_fast_it_comes() {
        let (mut shard, now) = (Shard::default(), Instant::now());
        for number in 0..100_000 {
            put(&mut shard, number, now);
            assert!(shard.len() <= SWEEP_FOR_EACH);
            assert_eq!(shard.expiring.len(), shard.len());
        }
    }
}

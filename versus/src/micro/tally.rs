//! Whether what was sent is what was received.

use std::io;

/// The number of messages and their sum.
#[derive(Default)]
pub struct Tally {
    count: u64,
    sum: u64,
}

impl Tally {
    /// Counts one in.
    pub fn add(&mut self, message: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(message);
    }

    /// Whether each of `senders` has sent the numbers below `each`; how many messages that were.
    ///
    /// # Errors
    /// When anything is missing or there is too much.
    pub fn expect(&self, senders: u64, each: u64) -> io::Result<u64> {
        let count = senders * each;
        // In that order it is exact, and overflows for no run that ends.
        let sum = (u128::from(senders) * u128::from(each) * u128::from(each.saturating_sub(1)) / 2)
            as u64;
        if (self.count, self.sum) == (count, sum) {
            return Ok(count);
        }
        Err(io::Error::other(format!(
            "of {count} messages {} arrived, with the sum {} instead of {sum}",
            self.count, self.sum
        )))
    }
}

impl Extend<u64> for Tally {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, messages: I) {
        messages.into_iter().for_each(|message| self.add(message));
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_message_too_few_or_twice_is_noticed() {
        let mut tally = Tally::default();
        tally.extend((0..10).chain(0..10));
        assert_eq!(tally.expect(2, 10).unwrap(), 20);
        tally.add(0);
        assert!(tally.expect(2, 10).is_err());

        let mut twice = Tally::default();
        twice.extend([0, 1, 1]);
        assert!(twice.expect(1, 3).is_err());
    }
}

//! The Redis serialization protocol, version 2: commands in, replies out.
//!
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use std::fmt;
use std::ops::Range;

/// Bytes of one argument; Redis allows 512 MiB. A client has at most one unfinished command, and
/// only what it has sent of that is kept.
pub const MAX_ARGUMENT: usize = 64 << 20;
/// Bytes of one command.
const MAX_COMMAND: usize = 128 << 20;
/// Arguments of one command, as in Redis.
const MAX_ARGUMENTS: usize = 1 << 20;
/// Bytes of a command without lengths, as in Redis.
const MAX_LINE: usize = 64 << 10;
/// Bytes of a line that tells a length: more than any length has.
const MAX_LENGTH_LINE: usize = 32;
/// Arguments that are kept room for.
const KEEP_ARGUMENTS: usize = 1 << 10;

/// What a client sent is no command. The connection is closed then, as its bytes mean nothing any
/// more.
#[derive(Debug, PartialEq, Eq)]
pub struct ProtocolError(pub &'static str);

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol error: {}", self.0)
    }
}

/// A command and its arguments; none for an empty line.
#[derive(Clone, Copy)]
pub struct Command<'a>(Words<'a>);

#[derive(Clone, Copy)]
enum Words<'a> {
    Parsed(&'a [u8], &'a [Range<usize>]),
    Listed(&'a [&'a [u8]]),
}

impl<'a> Command<'a> {
    pub fn of(words: &'a [&'a [u8]]) -> Self {
        Command(Words::Listed(words))
    }

    /// How many arguments, the name included.
    pub fn len(&self) -> usize {
        match self.0 {
            Words::Parsed(_, arguments) => arguments.len(),
            Words::Listed(words) => words.len(),
        }
    }

    pub fn argument(&self, index: usize) -> Option<&'a [u8]> {
        match self.0 {
            Words::Parsed(input, arguments) => {
                arguments.get(index).map(|range| &input[range.clone()])
            }
            Words::Listed(words) => words.get(index).copied(),
        }
    }

    /// The arguments from number `first` on.
    pub fn arguments_from(self, first: usize) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let all = first.min(self.len())..self.len();
        all.map(move |index| self.argument(index).unwrap_or_default())
    }
}

/// Takes commands out of a stream of bytes. It goes on where it stopped, so that a command which
/// comes in small pieces costs no more than another.
#[derive(Default)]
pub struct Parser {
    arguments: Vec<Range<usize>>,
    /// How much of the unfinished command was understood.
    at: usize,
    /// Arguments still to come, once the number is known.
    left: Option<usize>,
}

impl Parser {
    /// The command with which `input` begins, and its length; `None` if there must be more, which is
    /// then to be appended to the same.
    pub fn parse<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(Command<'a>, usize)>, ProtocolError> {
        let left = match self.left {
            Some(left) => left,
            None => {
                clear(&mut self.arguments, KEEP_ARGUMENTS);
                match input.first() {
                    None => return Ok(None),
                    Some(b'*') => {}
                    Some(_) => return self.parse_line(input),
                }
                let Some((line, end)) = line(input, 1)? else {
                    return Ok(None);
                };
                let count = length(line, MAX_ARGUMENTS);
                self.at = end;
                count.ok_or(ProtocolError("invalid multibulk length"))?
            }
        };
        for left in (0..left).rev() {
            match self.argument(input)? {
                Some(argument) => self.arguments.push(argument),
                None => {
                    self.left = Some(left + 1);
                    return Ok(None);
                }
            }
        }
        self.left = None;
        Ok(Some(self.finish(input)))
    }

    fn finish<'a>(&'a mut self, input: &'a [u8]) -> (Command<'a>, usize) {
        let len = std::mem::take(&mut self.at);
        (Command(Words::Parsed(input, &self.arguments)), len)
    }

    fn argument(&mut self, input: &[u8]) -> Result<Option<Range<usize>>, ProtocolError> {
        match input.get(self.at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(_) => return Err(ProtocolError("expected '$'")),
        }
        let Some((line, start)) = line(input, self.at + 1)? else {
            return Ok(None);
        };
        let Some(len) = length(line, MAX_ARGUMENT) else {
            return Err(ProtocolError("invalid bulk length"));
        };
        let end = start + len;
        if end > MAX_COMMAND {
            return Err(ProtocolError("too big command"));
        }
        match input.get(end..end + 2) {
            None => Ok(None),
            Some(b"\r\n") => {
                self.at = end + 2;
                Ok(Some(start..end))
            }
            Some(_) => Err(ProtocolError("an argument is longer than its length")),
        }
    }

    /// Words on a line, as a person types them.
    fn parse_line<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(Command<'a>, usize)>, ProtocolError> {
        let rest = &input[self.at..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            // It goes on from here.
            self.at = input.len();
            return match input.len() {
                ..MAX_LINE => Ok(None),
                _ => Err(ProtocolError("too big inline request")),
            };
        };
        let end = self.at + end;
        self.at = end + 1;
        let mut at = 0;
        for word in input[..end].split(u8::is_ascii_whitespace) {
            if !word.is_empty() {
                self.arguments.push(at..at + word.len());
            }
            at += word.len() + 1;
        }
        Ok(Some(self.finish(input)))
    }
}

/// The line of a length that begins at `from`, without its end, and where the next one begins.
fn line(input: &[u8], from: usize) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let rest = &input[from..];
    match rest
        .iter()
        .take(MAX_LENGTH_LINE)
        .position(|&byte| byte == b'\n')
    {
        Some(end) if end > 0 && rest[end - 1] == b'\r' => {
            Ok(Some((&rest[..end - 1], from + end + 1)))
        }
        Some(_) => Err(ProtocolError("a line ends without \\r")),
        None if rest.len() < MAX_LENGTH_LINE => Ok(None),
        None => Err(ProtocolError("too big count string")),
    }
}

/// Digits, of a number up to `most`.
fn length(digits: &[u8], most: usize) -> Option<usize> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    let append = |number: usize, digit: &u8| match digit {
        b'0'..=b'9' => Some(number * 10 + usize::from(digit - b'0')),
        _ => None,
    };
    digits
        .iter()
        .try_fold(0, append)
        .filter(|&number| number <= most)
}

/// The integer that is written so and not otherwise: no sign but a minus, no leading zero.
pub fn integer(text: &[u8]) -> Option<i64> {
    let number = std::str::from_utf8(text).ok()?.parse().ok()?;
    (itoa::Buffer::new().format::<i64>(number).as_bytes() == text).then_some(number)
}

/// Empties a buffer, and keeps its room unless that is more than `keep`: what was needed once is not
/// kept for ever.
pub fn clear<T>(buffer: &mut Vec<T>, keep: usize) {
    if buffer.capacity() <= keep {
        buffer.clear();
    } else {
        // Whole: what shrinking leaves of it would be too short for the next one that grows.
        *buffer = Vec::new();
    }
}

/// Writes a command.
pub fn write_command<'a>(out: &mut Vec<u8>, arguments: impl ExactSizeIterator<Item = &'a [u8]>) {
    write_array(out, arguments.len());
    for argument in arguments {
        write_bulk(out, argument);
    }
}

pub fn write_array(out: &mut Vec<u8>, len: usize) {
    write_number(out, b'*', len as i64);
}

pub fn write_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, b'$', bytes.len() as i64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

pub fn write_nil(out: &mut Vec<u8>) {
    out.extend_from_slice(b"$-1\r\n");
}

pub fn write_integer(out: &mut Vec<u8>, number: i64) {
    write_number(out, b':', number);
}

pub fn write_simple(out: &mut Vec<u8>, text: &str) {
    out.push(b'+');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub fn write_error(out: &mut Vec<u8>, text: &str) {
    out.push(b'-');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_number(out: &mut Vec<u8>, kind: u8, number: i64) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        in_pieces(input, input.len().max(1))
    }

    /// What is understood if `input` comes in pieces of this size.
    fn in_pieces(input: &[u8], size: usize) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let (mut parser, mut kept, mut commands) = (Parser::default(), Vec::new(), Vec::new());
        for piece in input.chunks(size) {
            kept.extend_from_slice(piece);
            while let Some((command, len)) = parser.parse(&kept)? {
                commands.push(command.arguments_from(0).map(<[u8]>::to_vec).collect());
                kept.drain(..len);
            }
        }
        Ok(commands)
    }

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn commands_are_understood_in_whatever_pieces_they_come() {
        let input = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\nPING hello \r\n\r\n*0\r\n*1\r\n$0\r\n\r\nset  a b\n";
        let expected = [
            words(&["GET", "a\r\nb"]),
            words(&["PING", "hello"]),
            words(&[]),
            words(&[]),
            words(&[""]),
            words(&["set", "a", "b"]),
        ];
        for size in 1..=input.len() {
            assert_eq!(
                in_pieces(input, size).unwrap(),
                expected,
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for (input, error) in [
            (&b"*a\r\n"[..], "invalid multibulk length"),
            (b"*-1\r\n", "invalid multibulk length"),
            (b"*1048577\r\n", "invalid multibulk length"),
            (b"*99999999999\r\n", "invalid multibulk length"),
            (b"*\r\n", "invalid multibulk length"),
            (b"*1\n", "a line ends without \\r"),
            (b"*1\r\n:1\r\n", "expected '$'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$67108865\r\n", "invalid bulk length"),
            (
                b"*1\r\n$1\r\nab\r\n",
                "an argument is longer than its length",
            ),
        ] {
            assert_eq!(all(input).unwrap_err(), ProtocolError(error));
        }
        let number = [b'1'; MAX_LENGTH_LINE];
        assert!(all(&[b"*", &number[..]].concat()).is_err());
        assert!(all(&[b"*1\r\n$", &number[..]].concat()).is_err());
        let endless = vec![b'1'; MAX_LINE + 1];
        assert!(all(&endless).is_err());
    }

    #[test]
    fn a_command_that_would_be_too_big_is_refused_before_it_has_come() {
        let length = format!("${MAX_ARGUMENT}\r\n");
        let mut input = format!("*3\r\n{length}").into_bytes();
        input.resize(input.len() + MAX_ARGUMENT, 0);
        input.extend_from_slice(b"\r\n");
        let mut parser = Parser::default();
        assert!(matches!(parser.parse(&input), Ok(None)));
        input.extend_from_slice(length.as_bytes());
        let error = parser.parse(&input).err();
        assert_eq!(error, Some(ProtocolError("too big command")));
    }

    #[test]
    fn what_many_arguments_needed_is_not_kept() {
        let mut input = format!("*{MAX_ARGUMENTS}\r\n").into_bytes();
        input.extend_from_slice(&b"$0\r\n\r\n".repeat(MAX_ARGUMENTS));
        let mut parser = Parser::default();
        let arguments = parser.parse(&input).unwrap().map(|(all, _)| all.len());
        assert_eq!(arguments, Some(MAX_ARGUMENTS));
        // As it is asked each time after the last command.
        assert!(matches!(parser.parse(b""), Ok(None)));
        assert!(parser.arguments.capacity() <= KEEP_ARGUMENTS);
    }

    #[test]
    fn a_line_is_searched_for_its_end_once() {
        let (mut parser, line) = (Parser::default(), b"set a b\n");
        for len in 1..line.len() {
            assert!(matches!(parser.parse(&line[..len]), Ok(None)));
            assert_eq!(parser.at, len);
        }
        let (command, len) = parser.parse(line).unwrap().unwrap();
        assert_eq!((command.len(), len), (3, line.len()));
    }

    #[test]
    fn whatever_comes_is_understood_or_refused() {
        let mut random = crate::kit::random::Random::with_seed(7);
        let mut next = move || random.below(1 << 32) as usize;
        for _ in 0..20_000 {
            let len = next() % 40;
            let input: Vec<u8> = (0..len)
                .map(|_| b"*$12\r\n a\x00\xff-"[next() % 11])
                .collect();
            let size = next() % 8 + 1;
            let whole = all(&input);
            let pieces = in_pieces(&input, size);
            assert_eq!(whole.is_ok(), pieces.is_ok(), "{input:?}");
            if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
                assert_eq!(whole, pieces, "{input:?}");
            }
        }
    }

    #[test]
    fn integers_have_one_way_to_be_written() {
        for (text, number) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("+1", None),
            ("01", None),
            ("-0", None),
            (" 1", None),
            ("1.0", None),
        ] {
            assert_eq!(integer(text.as_bytes()), number, "{text:?}");
        }
    }
}

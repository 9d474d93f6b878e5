//! The standard streams: every kind that a program may be given works, no byte is lost, and the
//! open files that are shared with other programs stay as they were.
//!
//! The program is a child of each test: it copies its standard input to its standard output. What
//! the test harness prints there comes before.

mod kit;

use kit::block_on;
use kit::child::is_child;
use kit::driver::{self, apply, on_each_driver};
use kit::polls::glance;
use kit::process::activity;
use kit::random::{check, patterned};
use kit::wait::{eventually, soon};
use ringmill::stdio::{stderr, stdin, stdout};
use ringmill::yield_now;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::task::Poll;
use std::thread;

/// More than pipes and sockets hold.
const LARGE: usize = 4 << 20;

/// Begins what the program writes itself.
const BEGIN: &[u8] = b"<begin>";

/// Starts the program of the test `name`.
fn start(name: &str, stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Child {
    let name = driver::full_name(name);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        .env("RINGMILL_TEST_ALONE", &name)
        .stdin(stdin)
        .stdout(stdout);
    command.spawn().unwrap()
}

fn assert_passed(mut program: Child) {
    let status = program.wait().unwrap();
    assert!(status.success(), "{status}");
}

/// What the program wrote, of everything that came out.
fn own(all: &[u8]) -> &[u8] {
    let begin = all.windows(BEGIN.len()).position(|bytes| bytes == BEGIN);
    let begin = begin.unwrap_or_else(|| panic!("no beginning in {} bytes", all.len()));
    &all[begin + BEGIN.len()..]
}

/// Reads to the end, on a thread.
fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        all
    })
}

fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    // SAFETY: a question.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0, "an open file");
    flags & libc::O_NONBLOCK != 0
}

/// The program. It reads by turns by two handles, and drops reads and writes.
fn copy() -> ! {
    let before = [0, 1, 2].map(|fd| is_nonblocking(&fd));
    let copied: io::Result<()> = block_on(async {
        let mut out = stdout();
        out.write_all(BEGIN).await?;
        let mut ins = [stdin(), stdin()];
        let mut room = vec![0; 30_000];
        for turn in 0.. {
            let input = &mut ins[turn / 8 % 2];
            let read = match glance(input.read(&mut room)) {
                Poll::Ready(read) => read?,
                Poll::Pending if turn % 3 == 0 => {
                    yield_now().await;
                    continue;
                }
                Poll::Pending => input.read(&mut room).await?,
            };
            // In between, as at the end, for the others: what they share is as it was.
            if turn % 16 == 0 {
                assert_eq!([0, 1, 2].map(|fd| is_nonblocking(&fd)), before);
            }
            if read == 0 {
                break;
            }
            let mut rest = &room[..read];
            while !rest.is_empty() {
                match glance(out.write(rest)) {
                    Poll::Ready(written) => rest = &rest[written?..],
                    Poll::Pending => {
                        let written = out.write(rest).await?;
                        rest = &rest[written..];
                    }
                }
            }
        }
        out.flush().await
    });
    if let Err(error) = copied {
        eprintln!("copying: {error}");
        std::process::exit(3);
    }
    assert_eq!([0, 1, 2].map(|fd| is_nonblocking(&fd)), before);
    std::process::exit(0)
}

#[apply(on_each_driver)]
fn pipes_are_read_and_written() {
    const NAME: &str = "pipes_are_read_and_written";
    if is_child(NAME) {
        copy();
    }
    let (their_in, mut our_out) = io::pipe().unwrap();
    let (our_in, their_out) = io::pipe().unwrap();
    // Shared with this process, which must not find them changed.
    let (shared_in, shared_out) = (
        their_in.try_clone().unwrap(),
        their_out.try_clone().unwrap(),
    );
    let program = start(NAME, their_in, their_out);
    let output = collect(our_in);
    our_out.write_all(&patterned(0, LARGE)).unwrap();
    assert!(!is_nonblocking(&shared_in) && !is_nonblocking(&shared_out));
    drop((our_out, shared_in));
    assert_passed(program);
    assert!(!is_nonblocking(&shared_out));
    drop(shared_out);
    let all = output.join().unwrap();
    assert_eq!(own(&all).len(), LARGE);
    check(own(&all), 0);
}

#[apply(on_each_driver)]
fn files_are_read_and_written_where_they_stand() {
    const NAME: &str = "files_are_read_and_written_where_they_stand";
    if is_child(NAME) {
        copy();
    }
    let file = |name: &str| {
        let (kind, pid) = (driver::current(), std::process::id());
        std::env::temp_dir().join(format!("ringmill-stdio-{name}-{kind}-{pid}"))
    };
    let (in_path, out_path) = (file("in"), file("out"));
    std::fs::write(&in_path, patterned(0, LARGE)).unwrap();
    std::fs::write(&out_path, b"before").unwrap();
    let mut input = File::open(&in_path).unwrap();
    input.seek(SeekFrom::Start(1000)).unwrap();
    let output = File::options().append(true).open(&out_path).unwrap();
    assert_passed(start(NAME, input.try_clone().unwrap(), output));
    assert_eq!(input.stream_position().unwrap(), LARGE as u64, "shared");
    let all = std::fs::read(&out_path).unwrap();
    std::fs::remove_file(in_path).unwrap();
    std::fs::remove_file(out_path).unwrap();
    assert!(all.starts_with(b"before"));
    assert_eq!(own(&all).len(), LARGE - 1000);
    check(own(&all), 1000);
}

#[apply(on_each_driver)]
fn sockets_are_read_and_written() {
    const NAME: &str = "sockets_are_read_and_written";
    if is_child(NAME) {
        copy();
    }
    let (theirs, mut ours) = UnixStream::pair().unwrap();
    let shared = theirs.try_clone().unwrap();
    let again = OwnedFd::from(theirs.try_clone().unwrap());
    let program = start(NAME, OwnedFd::from(theirs), again);
    let output = collect(ours.try_clone().unwrap());
    ours.write_all(&patterned(0, LARGE)).unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    assert_passed(program);
    assert!(!is_nonblocking(&shared));
    drop(shared);
    let all = output.join().unwrap();
    assert_eq!(own(&all).len(), LARGE);
    check(own(&all), 0);
}

#[apply(on_each_driver)]
fn nothing_is_read_from_dev_null() {
    const NAME: &str = "nothing_is_read_from_dev_null";
    if is_child(NAME) {
        copy();
    }
    assert_passed(start(NAME, Stdio::null(), Stdio::null()));
}

/// Both sides of a terminal, the user's first, with no echo and no change of what goes through. What
/// is typed arrives by lines, or as it comes.
fn terminal(by_lines: bool) -> (File, File) {
    let (mut ours, mut theirs) = (-1, -1);
    // SAFETY: room for two numbers, which are nobody else's, and for the settings of one of them.
    unsafe {
        let null = std::ptr::null_mut();
        assert_eq!(
            libc::openpty(&mut ours, &mut theirs, null, null.cast(), null.cast()),
            0
        );
        for fd in [ours, theirs] {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(theirs, &mut settings), 0);
        settings.c_lflag &= !libc::ECHO;
        settings.c_oflag &= !libc::OPOST;
        if !by_lines {
            settings.c_lflag &= !libc::ICANON;
        }
        assert_eq!(libc::tcsetattr(theirs, libc::TCSANOW, &settings), 0);
        (File::from_raw_fd(ours), File::from_raw_fd(theirs))
    }
}

/// Lines there and back through `ours`; the other side's program answers each.
fn talk(ours: &mut File) {
    let mut all = Vec::new();
    let mut hear = |ours: &mut File, line: &[u8]| {
        let mut room = [0; 4096];
        while !all.windows(line.len()).any(|bytes| bytes == line) {
            let read = ours.read(&mut room).unwrap();
            all.extend_from_slice(&room[..read]);
        }
    };
    hear(ours, BEGIN);
    for line in 0..200 {
        let line = format!("line {line} there and back\n");
        ours.write_all(line.as_bytes()).unwrap();
        hear(ours, line.as_bytes());
    }
}

#[apply(on_each_driver)]
fn terminals_are_read_and_written() {
    const NAME: &str = "terminals_are_read_and_written";
    if is_child(NAME) {
        copy();
    }
    let (mut ours, theirs) = terminal(true);
    let shared = theirs.try_clone().unwrap();
    let program = start(NAME, theirs.try_clone().unwrap(), theirs);
    talk(&mut ours);
    assert!(!is_nonblocking(&shared));
    // Ctrl-d: the end of the input.
    ours.write_all(b"\x04").unwrap();
    assert_passed(program);
}

#[apply(on_each_driver)]
fn a_thread_reads_and_writes_what_cannot_be_waited_for() {
    const NAME: &str = "a_thread_reads_and_writes_what_cannot_be_waited_for";
    if is_child(NAME) {
        copy();
    }
    // The terminal's other side: opened again it would be another terminal.
    let (theirs, mut ours) = terminal(false);
    let shared = theirs.try_clone().unwrap();
    let mut program = start(NAME, theirs.try_clone().unwrap(), theirs);
    talk(&mut ours);
    eventually("a thread that reads", || {
        // Threads come and go while they are listed.
        let threads = activity(program.id()).unwrap_or_default();
        threads.iter().any(|thread| thread.name == "ringmill-stdin")
    });
    assert!(!is_nonblocking(&shared));
    // A terminal's master has no end; it fails (EIO) when the other side is closed.
    drop(ours);
    eventually("its end", || program.try_wait().unwrap().is_some());
    assert_eq!(program.wait().unwrap().code(), Some(3));
}

#[apply(on_each_driver)]
fn the_standard_error_output_is_written() {
    const NAME: &str = "the_standard_error_output_is_written";
    if is_child(NAME) {
        block_on(async {
            let mut err = stderr();
            soon("room", err.write_all(b"to the error output"))
                .await
                .unwrap();
            err.flush().await.unwrap();
        });
        return;
    }
    let name = driver::full_name(NAME);
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .env("RINGMILL_TEST_ALONE", &name)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("to the error output"), "{text}");
}

#[apply(on_each_driver)]
fn an_output_that_nobody_reads_fails() {
    const NAME: &str = "an_output_that_nobody_reads_fails";
    if is_child(NAME) {
        let error = block_on(async { stdout().write_all(&[0; 1 << 20]).await });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        std::process::exit(0);
    }
    let (theirs, ours) = {
        let (read, write) = io::pipe().unwrap();
        (write, read)
    };
    let program = start(NAME, Stdio::null(), theirs);
    let mut ours = ours;
    // Until it writes itself.
    let mut room = [1; 4096];
    while room[0] != 0 {
        assert!(ours.read(&mut room).unwrap() > 0);
    }
    drop(ours);
    assert_passed(program);
}

//! The thread that owns the log file: the only one that waits for the disk.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::line::{Format, Line};
use super::queue::Queue;

/// How long lines may gather after a write before the next one: a hundred writes a second at most.
const GATHER_TIME: Duration = Duration::from_millis(10);

/// Where lines end up.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    format: Format,
    /// The last write stopped inside a line, which must be ended before the next one.
    torn: bool,
    /// The trouble was told; it is not told again until the file is opened anew.
    complained: bool,
}

impl Writer {
    /// Opens `path` for appending.
    pub(super) fn open(path: &Path, format: Format) -> io::Result<Self> {
        let file = open(path)?;
        Ok(Self { path: path.to_owned(), file, format, torn: false, complained: false })
    }

    /// Writes what the queue brings until it says stop.
    pub(super) fn run(mut self, queue: &Arc<Queue>) {
        let mut batch = Vec::new();
        loop {
            let work = queue.take(&mut batch);
            let (before, after) = batch.split_at(work.reopen_after.unwrap_or(0).min(batch.len()));
            queue.count_lost(self.write(before));
            if work.reopen_after.is_some() {
                self.reopen();
            }
            queue.count_lost(self.write(after));
            if work.lost > 0 {
                queue.tell_again(self.say_lost(work.lost));
            }
            if work.stop {
                return queue.end();
            }
            queue.gather(GATHER_TIME);
        }
    }

    /// Writes whole lines; returns how many did not arrive.
    fn write(&mut self, lines: &[u8]) -> u64 {
        let end_of_torn: &[u8] = if self.torn { b"\n" } else { b"" };
        let result = match write_counted(&mut self.file, end_of_torn) {
            (_, Err(error)) => (0, Err(error)),
            (_, Ok(())) => {
                self.torn = false;
                write_counted(&mut self.file, lines)
            }
        };
        let (written, Err(error)) = result else {
            return 0;
        };
        let (before, after) = lines.split_at(written.min(lines.len()));
        self.torn |= before.last().is_some_and(|&byte| byte != b'\n');
        self.complain(&error);
        count_lines(after)
    }

    /// Writes that lines were lost; returns how many still nobody knows of.
    fn say_lost(&mut self, count: u64) -> u64 {
        let line = self.warning(format_args!("{count} lines lost"), &[("lines", count)]);
        if self.write(line.as_bytes()) == 0 { 0 } else { count }
    }

    fn warning(&self, message: fmt::Arguments<'_>, fields: &[(&str, u64)]) -> String {
        let builder = &mut log::Record::builder();
        let record = builder.level(log::Level::Warn).key_values(&fields).args(message).build();
        format!("{}\n", Line { format: self.format, at: SystemTime::now(), record: &record })
    }

    fn reopen(&mut self) {
        self.complained = false;
        match open(&self.path) {
            Ok(file) => {
                self.file = file;
                self.torn = false;
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Standard error is the only place left to tell it.
    fn complain(&mut self, error: &io::Error) {
        if !self.complained {
            self.complained = true;
            eprintln!("secdocker: cannot write {}: {error}", self.path.display());
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o640).open(path)
}

/// Writes all of `bytes`, or says how many got through before it failed.
fn write_counted(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(0) => {
                return (bytes.len() - rest.len(), Err(io::ErrorKind::WriteZero.into()));
            }
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (bytes.len() - rest.len(), Err(error)),
        }
    }
    (bytes.len(), Ok(()))
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).fold(0, |count, _| count + 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use std::fs;

    /// A path of this test's own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("secdocker-writer-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(fs::remove_file(&self.0));
        }
    }

    #[test]
    fn lines_are_appended_and_the_last_ones_are_not_lost() {
        let scratch = Scratch::new("append");
        fs::write(&scratch.0, "before\n").unwrap();
        let queue = Arc::new(Queue::default());
        let writer = Writer::open(&scratch.0, Format::Logfmt).unwrap();
        let for_writer = Arc::clone(&queue);
        let thread = std::thread::spawn(move || writer.run(&for_writer));
        queue.append("a\n", 1);
        queue.count_lost(7);
        assert!(queue.stop(Duration::from_secs(10)));
        thread.join().unwrap();
        let text = fs::read_to_string(&scratch.0).unwrap();
        assert!(text.starts_with("before\na\ntime="), "{text}");
        assert!(text.ends_with("level=warning msg=\"7 lines lost\" lines=7\n"), "{text}");
    }

    #[test]
    fn a_full_disk_loses_lines_and_nothing_else() {
        let mut writer = Writer::open(Path::new("/dev/full"), Format::Logfmt).unwrap();
        assert_eq!(writer.write(b"a\nb\n"), 2);
        assert_eq!(writer.say_lost(2), 2);
        assert!(writer.complained);
    }

    #[test]
    fn a_line_torn_by_the_disk_is_ended_before_the_next_one() {
        let scratch = Scratch::new("torn");
        let mut writer = Writer::open(&scratch.0, Format::Logfmt).unwrap();
        writer.file.write_all(b"half a li").unwrap();
        writer.torn = true;
        assert_eq!(writer.write(b"b\n"), 0);
        assert_eq!(fs::read_to_string(&scratch.0).unwrap(), "half a li\nb\n");
    }

    #[test]
    fn a_moved_file_is_left_alone_after_opening_anew() {
        let (scratch, moved) = (Scratch::new("rotate"), Scratch::new("rotated"));
        let mut writer = Writer::open(&scratch.0, Format::Logfmt).unwrap();
        writer.write(b"a\n");
        fs::rename(&scratch.0, &moved.0).unwrap();
        writer.write(b"b\n");
        writer.reopen();
        writer.write(b"c\n");
        assert_eq!(fs::read_to_string(&moved.0).unwrap(), "a\nb\n");
        assert_eq!(fs::read_to_string(&scratch.0).unwrap(), "c\n");
    }
}

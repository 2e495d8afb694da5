//! Records that wait until they are written.

use std::fmt::{self, Write};
use std::ops::Range;

use super::event::Event;
use super::level::Level;
use super::pairs::{Pairs, Told};

/// Memory that is kept for the next records, in bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Records in their order. What they borrowed is written out here, in memory that is used again, so that in the
/// steady state a record allocates nothing.
#[derive(Debug, Default)]
pub struct Records {
    /// The least important level that is kept; none keeps nothing.
    least: Option<Level>,
    text: String,
    pairs: Vec<(&'static str, Value)>,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Record {
    level: Level,
    message: &'static str,
    /// Where its pairs end; they begin where those before it end.
    end: usize,
}

#[derive(Debug)]
enum Value {
    Text(Range<usize>),
    Number(u64),
}

/// One that waits.
struct Waiting<'r> {
    text: &'r str,
    pairs: &'r [(&'static str, Value)],
}

impl Records {
    /// Keeps what is at least so important, from now on.
    pub fn keep(&mut self, least: Option<Level>) {
        self.least = least;
    }

    /// Adds a record, unless nobody will read it.
    pub fn push(&mut self, event: &Event<'_>) {
        if self.least.is_none_or(|least| event.level() > least) {
            return;
        }
        let (text, pairs) = (self.text.len(), self.pairs.len());
        if event.pairs(self).is_ok() {
            let (level, message, end) = (event.level(), event.message(), self.pairs.len());
            self.records.push(Record { level, message, end });
        } else {
            // A `Display` that fails leaves half a record behind.
            self.text.truncate(text);
            self.pairs.truncate(pairs);
        }
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes them out, one after the other: the level, the event in words, its pairs.
    pub fn take(&mut self, mut write: impl FnMut(Level, &'static str, &dyn Told)) {
        let mut begin = 0;
        for Record { level, message, end } in self.records.drain(..) {
            let pairs = self.pairs.get(begin..end).unwrap_or_default();
            write(level, message, &Waiting { text: &self.text, pairs });
            begin = end;
        }
        self.pairs.clear();
        self.text.clear();
        self.text.shrink_to(KEPT_BYTES_MAX);
    }
}

impl Pairs<'_> for Records {
    fn text(&mut self, key: &'static str, value: &str) -> fmt::Result {
        let begin = self.text.len();
        self.text.push_str(value);
        self.pairs.push((key, Value::Text(begin..self.text.len())));
        Ok(())
    }

    fn number(&mut self, key: &'static str, value: u64) -> fmt::Result {
        self.pairs.push((key, Value::Number(value)));
        Ok(())
    }

    fn shown(&mut self, key: &'static str, value: &dyn fmt::Display) -> fmt::Result {
        let begin = self.text.len();
        write!(self.text, "{value}")?;
        self.pairs.push((key, Value::Text(begin..self.text.len())));
        Ok(())
    }
}

impl Told for Waiting<'_> {
    fn pairs<'a>(&'a self, to: &mut dyn Pairs<'a>) -> fmt::Result {
        self.pairs.iter().try_for_each(|(key, value)| match value {
            Value::Text(range) => to.text(key, self.text.get(range.clone()).unwrap_or_default()),
            Value::Number(number) => to.number(key, *number),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }

    #[derive(Default)]
    struct Lines(String);

    impl Pairs<'_> for Lines {
        fn text(&mut self, key: &'static str, value: &str) -> fmt::Result {
            write!(self.0, " {key}={value}")
        }

        fn number(&mut self, key: &'static str, value: u64) -> fmt::Result {
            write!(self.0, " {key}={value}")
        }

        fn shown(&mut self, key: &'static str, value: &dyn fmt::Display) -> fmt::Result {
            write!(self.0, " {key}={value}")
        }
    }

    fn taken(records: &mut Records) -> String {
        let mut lines = Lines::default();
        records.take(|level, message, told| {
            lines.0.push_str(&format!("{level:?} {message}"));
            assert_eq!(told.pairs(&mut lines), Ok(()));
            lines.0.push('\n');
        });
        lines.0
    }

    #[test]
    fn records_come_out_as_they_went_in_but_for_those_that_nobody_reads() {
        let mut records = Records::default();
        records.push(&Event::Error { reason: &"unread" });
        assert!(records.is_empty());
        records.keep(Some(Level::Warn));
        records.push(&Event::RawStreamBegan);
        for _ in 0..2 {
            records.push(&Event::Invalid { status: 400, reason: &"bare LF" });
            records.push(&Event::Error { reason: &Broken });
            records.push(&Event::Error { reason: &7 });
            assert!(!records.is_empty());
            let expected =
                "Warn request refused status=400 reason=bare LF\nError internal error reason=7\n";
            assert_eq!(taken(&mut records), expected);
            assert_eq!(taken(&mut records), "");
        }
    }
}

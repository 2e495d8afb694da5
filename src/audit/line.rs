//! One record as one line: logfmt as logrus writes it, or JSON.
//!
//! Knows nothing of where lines go. Everything in a record but its keys is escaped and bounded.

use std::cell::Cell;
use std::fmt;
use std::time::SystemTime;

use log::kv::{self, Key, Value};

use super::escape::{Bounded, Shown, is_plain, write_escaped, write_plain};
use super::time::Utc;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `time="…" level=info msg="…" key=value`
    Logfmt,
    /// `{"time":"…","level":"info","msg":"…","key":"value"}`
    Json,
}

/// A record that prints as a line, without the line's end.
pub(super) struct Line<'a> {
    pub(super) format: Format,
    pub(super) at: SystemTime,
    pub(super) record: &'a log::Record<'a>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scratch = SCRATCH.take();
        scratch.line.clear();
        let mut fields = Fields { scratch: &mut scratch, format: self.format };
        fields.write(self)?;
        let written = f.write_str(&scratch.line);
        SCRATCH.set(scratch);
        written
    }
}

/// The level in logrus' words.
fn level_name(level: log::Level) -> &'static str {
    match level {
        log::Level::Error => "error",
        log::Level::Warn => "warning",
        log::Level::Info => "info",
        log::Level::Debug => "debug",
        log::Level::Trace => "trace",
    }
}

thread_local! {
    /// Memory for a thread's next line. Who finds it taken does without.
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
}

#[derive(Default)]
struct Scratch {
    /// The line until now. It is put together here, where a piece costs no more than its bytes.
    line: String,
    /// A value as text, which it must be before it is known whether it needs quotes.
    shown: Shown,
}

impl Scratch {
    const fn new() -> Self {
        Self { line: String::new(), shown: Shown::new() }
    }
}

struct Fields<'a> {
    scratch: &'a mut Scratch,
    format: Format,
}

impl Fields<'_> {
    fn write(&mut self, line: &Line<'_>) -> fmt::Result {
        if self.format == Format::Json {
            self.scratch.line.push('{');
        }
        self.write_first_key("time");
        self.write_value(&Utc(line.at))?;
        self.write_key("level");
        self.write_text(level_name(line.record.level()));
        self.write_key("msg");
        self.write_value(line.record.args())?;
        line.record.key_values().visit(self).map_err(|_| fmt::Error)?;
        if self.format == Format::Json {
            self.scratch.line.push('}');
        }
        Ok(())
    }

    fn write_key(&mut self, key: &str) {
        self.scratch.line.push(match self.format {
            Format::Logfmt => ' ',
            Format::Json => ',',
        });
        self.write_first_key(key);
    }

    /// Writes a key with nothing before it.
    fn write_first_key(&mut self, key: &str) {
        let line = &mut self.scratch.line;
        match self.format {
            Format::Logfmt => {
                line.push_str(key);
                line.push('=');
            }
            Format::Json => {
                line.push('"');
                line.push_str(key);
                line.push_str("\":");
            }
        }
    }

    fn write_value(&mut self, value: &dyn fmt::Display) -> fmt::Result {
        let Scratch { line, shown } = &mut self.scratch;
        write_bounded(line, self.format, shown.show(value)?);
        Ok(())
    }

    fn write_text(&mut self, text: &str) {
        write_bounded(&mut self.scratch.line, self.format, Bounded::new(text));
    }
}

fn write_bounded(line: &mut String, format: Format, value: Bounded<'_>) {
    if format == Format::Logfmt && is_plain(value) {
        return write_plain(line, value);
    }
    line.push('"');
    write_escaped(line, value);
    line.push('"');
}

impl<'kvs> kv::VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.write_key(key.as_str());
        if let Some(text) = value.to_borrowed_str() {
            self.write_text(text);
        } else if let Some(number) = value.to_u64() {
            self.scratch.line.push_str(itoa::Buffer::new().format(number));
        } else {
            self.write_value(&value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a failed test should say where"
    )]
    use super::*;
    use std::time::Duration;

    fn line(format: Format, message: &str, pairs: &[(&str, Value<'_>)]) -> String {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_518_000);
        let record = |args: fmt::Arguments<'_>| {
            let record = log::Record::builder()
                .args(args)
                .level(log::Level::Warn)
                .key_values(&pairs)
                .build();
            Line { format, at, record: &record }.to_string()
        };
        record(format_args!("{message}"))
    }

    #[test]
    fn logfmt_is_as_logrus_writes_it() {
        let pairs = [
            ("client", Value::from("10.0.0.5:4123")),
            ("method", Value::from("GET")),
            ("status", Value::from(403_u16)),
            ("reason", Value::from("a \"b\"\nc")),
            ("empty", Value::from("")),
        ];
        assert_eq!(
            line(Format::Logfmt, "request received", &pairs),
            "time=\"2026-11-24T11:00:00Z\" level=warning msg=\"request received\" \
             client=\"10.0.0.5:4123\" method=GET status=403 reason=\"a \\\"b\\\"\\nc\" empty=\"\""
        );
    }

    #[test]
    fn json_is_one_object() {
        let pairs = [("target", Value::from("/x\"\u{2028}")), ("status", Value::from(403_u16))];
        let text = line(Format::Json, "request received", &pairs);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["time"], "2026-11-24T11:00:00Z");
        assert_eq!(object["level"], "warning");
        assert_eq!(object["msg"], "request received");
        assert_eq!(object["target"], "/x\"\u{2028}");
        assert_eq!(object["status"], 403);
        assert!(text.contains(r"\u2028"), "{text}");
    }
}

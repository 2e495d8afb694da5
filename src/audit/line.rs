//! One record as one line: logfmt as logrus writes it, or JSON.
//!
//! Knows nothing of where lines go. Everything in a record but its keys is escaped and bounded.

use std::cell::Cell;
use std::fmt::{self, Write};
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
        let mut fields = Fields { out: f, format: self.format, shown: SHOWN.take() };
        fields.write_first("time", &Utc(self.at))?;
        fields.write_key("level")?;
        fields.write_bounded(Bounded::new(level_name(self.record.level())))?;
        fields.write_key("msg")?;
        fields.write_value(self.record.args())?;
        self.record.key_values().visit(&mut fields).map_err(|_| fmt::Error)?;
        fields.finish()
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
    /// Memory for the values of a thread's next line. Who finds it taken does without.
    static SHOWN: Cell<Shown> = const { Cell::new(Shown::new()) };
}

struct Fields<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    format: Format,
    /// A value as text, which it must be before it is known whether it needs quotes.
    shown: Shown,
}

impl Fields<'_, '_> {
    fn write_first(&mut self, key: &str, value: &dyn fmt::Display) -> fmt::Result {
        self.write_key_after(["", "{"], key)?;
        self.write_value(value)
    }

    fn write_key(&mut self, key: &str) -> fmt::Result {
        self.write_key_after([" ", ","], key)
    }

    /// Writes a key behind what stands before it in logfmt and in JSON.
    fn write_key_after(&mut self, before: [&str; 2], key: &str) -> fmt::Result {
        let [in_logfmt, in_json] = before;
        let pieces = match self.format {
            Format::Logfmt => [in_logfmt, "", key, "="],
            Format::Json => [in_json, "\"", key, "\":"],
        };
        pieces.into_iter().try_for_each(|piece| self.out.write_str(piece))
    }

    fn write_value(&mut self, value: &dyn fmt::Display) -> fmt::Result {
        let mut shown = std::mem::take(&mut self.shown);
        let written = shown.show(value).and_then(|value| self.write_bounded(value));
        self.shown = shown;
        written
    }

    fn write_bounded(&mut self, value: Bounded<'_>) -> fmt::Result {
        if self.format == Format::Logfmt && is_plain(value) {
            return write_plain(self.out, value);
        }
        self.out.write_char('"')?;
        write_escaped(self.out, value)?;
        self.out.write_char('"')
    }

    fn finish(self) -> fmt::Result {
        SHOWN.set(self.shown);
        match self.format {
            Format::Logfmt => Ok(()),
            Format::Json => self.out.write_char('}'),
        }
    }
}

impl<'kvs> kv::VisitSource<'kvs> for Fields<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.write_key(key.as_str())?;
        if let Some(text) = value.to_borrowed_str() {
            self.write_bounded(Bounded::new(text))?;
        } else if let Some(number) = value.to_u64() {
            self.out.write_str(itoa::Buffer::new().format(number))?;
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

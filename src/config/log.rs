//! The section `log`: where the log goes, and how much of it.

use std::path::PathBuf;

use super::checker::Checker;
use super::error::At;
use super::schema;
use crate::audit::{Format, LogSettings};

const DEFAULT_LOG: &str = "secdocker.log";

/// Reads the section.
pub(super) fn log(checker: &mut Checker<'_>, section: Option<&schema::Log>) -> LogSettings {
    let at = |key| At::key("log", key);
    let absent = schema::Log::default();
    let section = section.unwrap_or(&absent);
    let file = checker.optional(at("file"), section.file.as_ref(), parse_file);
    let format = checker.optional(at("format"), section.format.as_ref(), parse_format);
    let level = checker.optional(at("level"), section.level.as_ref(), parse_level);
    LogSettings {
        file: file.unwrap_or_else(|| PathBuf::from(DEFAULT_LOG)),
        format: format.unwrap_or(Format::Logfmt),
        level: level.unwrap_or(log::LevelFilter::Info),
    }
}

fn parse_file(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("the name of a file is missing") } else { Ok(PathBuf::from(text)) }
}

fn parse_format(text: &str) -> Result<Format, String> {
    match text {
        "logfmt" => Ok(Format::Logfmt),
        "json" => Ok(Format::Json),
        _ => Err(format!("`{}` is neither logfmt nor json", text.escape_debug())),
    }
}

fn parse_level(text: &str) -> Result<log::LevelFilter, String> {
    match text {
        "error" => Ok(log::LevelFilter::Error),
        "warning" | "warn" => Ok(log::LevelFilter::Warn),
        "info" => Ok(log::LevelFilter::Info),
        "debug" => Ok(log::LevelFilter::Debug),
        _ => Err(format!("`{}` is not one of error, warning, info, debug", text.escape_debug())),
    }
}

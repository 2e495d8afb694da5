//! The Go tool's way: a script that compares, called with name and tag, and its exit code.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use secdocker_plugin::Verdict;
use secdocker_plugin_common::config;
use secdocker_plugin_common::reference::{self, ImageRef};
use secdocker_plugin_common::text::shown;
use secdocker_plugin_common::{Asked, Backoff, Deadline};

use crate::decide::Choices;

/// A script for `/bin/bash`, called as `script NAME TAG` in the plugin's folder. Its exit code: 0 equal,
/// 1 different, 2 not there locally; any other is an error.
#[derive(Debug)]
pub struct Script {
    /// Where it is.
    pub path: PathBuf,
    /// Where it runs.
    pub folder: PathBuf,
}

impl Script {
    /// The verdict on an image.
    pub(crate) fn judge(
        &self,
        asked: &Asked,
        choices: &Choices,
        deadline: Deadline<'_>,
    ) -> Verdict {
        let ImageRef::Named(name) = &asked.reference else {
            return Verdict::deny("asked for by identifier, which has no tag");
        };
        let tag = name.tag().or(name.digest()).unwrap_or("latest");
        let name = reference::familiar(name.repository());
        match self.run(name, tag, deadline) {
            Ok(Some(0)) => Verdict::allow_because("the script says they are equal"),
            Ok(Some(1)) => Verdict::deny("the local image is not the registry's"),
            Ok(Some(2)) => choices.on_absent.verdict("the image is not there yet"),
            Ok(Some(code)) => {
                config::on_error(choices.on_error, format!("the script ended with {code}"))
            }
            Ok(None) => config::on_error(choices.on_error, "the script was ended by a signal"),
            Err(why) => config::on_error(choices.on_error, why),
        }
    }

    fn run(&self, name: &str, tag: &str, deadline: Deadline<'_>) -> Result<Option<i32>, String> {
        let cannot = |error: std::io::Error| {
            let why = match error.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    " (SecDocker's `sandbox: on` lets nobody run programs)"
                }
                _ => "",
            };
            format!("cannot run {}: {error}{why}", shown(&self.path.to_string_lossy()))
        };
        let mut child = Command::new("/bin/bash")
            .arg("--")
            .arg(&self.path)
            .args([name, tag])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Of its own, so that nothing it has started is left when its time is over.
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        match wait(&mut child, deadline) {
            Some(status) => Ok(status.code()),
            None => {
                end(&mut child);
                Err("the script has not ended in time".to_owned())
            }
        }
    }
}

fn wait(child: &mut Child, deadline: Deadline<'_>) -> Option<ExitStatus> {
    let mut backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if !deadline.pause(backoff.next_pause()) {
            return None;
        }
    }
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
}

//! `secdocker plugin-test`: one plugin, one image, its verdict. For those who write plugins.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use super::outcome::{CliError, Outcome, print};
use crate::audit::{self, Format, LogSettings};
use crate::config::UpstreamAddress;
use crate::config::plugins::{PluginSettings, Plugins as Configured};
use crate::image::ImageRef;
use crate::lookup::{self, Daemon};
use crate::plugins::{Plugins, Question};
use crate::policy::review::{
    AskedImage, CancelGuard, Opinions, PluginResult, PluginVerdict, Purpose, ReviewRequest,
};
use crate::proxy::StartError;

/// Where the daemon is that says which image a name means.
const DAEMON: &str = "/var/run/docker.sock";

/// Loads the library, asks it about a container of the image, and prints what it says.
pub(super) fn plugin_test(library: &Path, image: &str) -> Result<Outcome, CliError> {
    let log = audit::init(&LogSettings {
        file: PathBuf::from("/dev/stderr"),
        format: Format::Logfmt,
        level: log::LevelFilter::Debug,
    });
    let log = log.map_err(CliError::Audit)?;
    let said = ask(library, image);
    log.stop();
    let PluginResult { verdict, reason, .. } = said?;
    print(&format!("{verdict}: {}\n", reason.escape_debug()))?;
    Ok(if verdict == PluginVerdict::Allow { Outcome::Done } else { Outcome::Refused })
}

fn ask(library: &Path, given: &str) -> Result<PluginResult, CliError> {
    let image = ImageRef::parse(given).map_err(|error| CliError::Usage(error.to_string()))?;
    let daemon = Daemon { address: UpstreamAddress::Unix(DAEMON.into()), mark: None, tls: None };
    let name = library.file_stem().unwrap_or_default().to_string_lossy();
    let folder = library.parent().unwrap_or(Path::new("")).to_owned();
    let library = Some(library.to_owned());
    let settings =
        PluginSettings { folder, library, ..PluginSettings::named(&name, Path::new("")) };
    let configured = Configured { list: vec![settings], ..Configured::default() };
    let plugins = Plugins::load(&configured, &daemon).map_err(StartError::Plugin)?;
    let presence = lookup::identify(&daemon, &image, &lookup::ImageCache::disabled());
    let (waits, (answer, answers)) = (CancelGuard::default(), mpsc::channel());
    let body = Arc::new(serde_json::json!({ "Image": given }).to_string().into_bytes());
    let review = review((given, image), &body, &waits);
    plugins.consult(Question { review, presence, daemon }, move |opinions| {
        // Received below; nobody leaves before that.
        let _ = answer.send(opinions);
    });
    let Opinions { results } = answers.recv().unwrap_or_default();
    results.into_iter().next().ok_or_else(|| CliError::Usage("the plugin was not asked".into()))
}

/// A question as a plain `docker create` would lead to.
fn review(
    (given, image): (&str, ImageRef),
    body: &Arc<Vec<u8>>,
    waits: &CancelGuard,
) -> ReviewRequest {
    ReviewRequest {
        request: "plugin-test".into(),
        asked: AskedImage {
            purpose: Purpose::Create,
            given: given.into(),
            image,
            every_tag: false,
        },
        pinned: None,
        before: None,
        method: "POST".into(),
        path: "/containers/create".into(),
        body: Some(Arc::downgrade(body)),
        client: "plugin-test".into(),
        cancel: waits.token(),
    }
}

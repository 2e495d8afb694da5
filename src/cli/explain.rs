//! `secdocker explain`: what would become of a request, by the same judge and the same writer as in
//! the traffic. Knows no rule of its own.

use std::fmt::{Display, Write};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::asker::Asker;
use super::{CliError, Outcome, print};
use crate::config::{self, Overrides, Rest, Settings};
use crate::docker::{self, Access, Endpoint, FormBody, Route};
use crate::effects::{self, RequestBody};
use crate::http::target::{self, Target};
use crate::lookup::{self, Daemon, ImageCache};
use crate::policy::exceptions::Granted;
use crate::policy::facts::{Facts, ImageFacts, Questions, ROUNDS_MAX, Runtimes, VolumeFacts};
use crate::policy::review::Purposes;
use crate::policy::versions::ApiVersion;
use crate::policy::{Inspected, Verdict, Violations, further_questions, judge};

/// What would become of a request.
enum Fate {
    /// No rule is about it: forwarded as it is.
    NotInspected,
    /// Refused for what it asks for.
    Forbidden(Violations),
    /// Refused with this status before any rule was asked.
    Invalid(u16, String),
    /// Forwarded as this body, with these changes.
    Allowed(Vec<u8>, effects::Changes),
}

/// Reads the body in the file `request`, or from standard input for `-`, and says what would become
/// of it if it were posted to `target` by this client.
pub(super) fn explain(
    config: &Path,
    target: &str,
    request: &Path,
    asker: &Asker,
) -> Result<Outcome, CliError> {
    let settings = asker.settings(config::load(config, &Overrides::default())?)?;
    let body = read_request(request, settings.limits.body_bytes)?;
    match fate(&settings, target, &body) {
        Fate::NotInspected => {
            eprintln!("allowed: no rule is about POST {}, forwarded as it is", shown(target));
            print(&String::from_utf8_lossy(&body))
        }
        Fate::Allowed(body, changes) if changes.is_empty() => {
            eprintln!("allowed, nothing changed");
            print_line(&body)
        }
        Fate::Allowed(body, changes) => {
            eprintln!("allowed, changed: {}", shown(&changes.to_string()));
            print_line(&body)
        }
        Fate::Forbidden(violations) => refused(&list(&violations)),
        Fate::Invalid(status, reason) => refused(&format!("refused ({status}): {reason}\n")),
    }
}

fn fate(settings: &Settings, target: &str, body: &[u8]) -> Fate {
    let target = match target::parse(target) {
        Ok(target) => target,
        Err(error) => return Fate::Invalid(400, error.to_string()),
    };
    if settings.clients.rest == Rest::Refused {
        return Fate::Forbidden(Violations::of_stranger());
    }
    match docker::access(&settings.policy, reviewed(settings), ("POST", FormBody::None), &target) {
        Err(error) => return Fate::Invalid(400, error.to_string()),
        Ok(Access::Forbidden(violations)) => return Fate::Forbidden(violations),
        Ok(Access::Open) => {}
    }
    match docker::classify("POST", &target) {
        Err(error) => Fate::Invalid(400, error.to_string()),
        Ok(Route::Plain | Route::MaySwitch) => Fate::NotInspected,
        Ok(Route::Inspected(_)) if body.len() > settings.limits.body_bytes => {
            let limit = settings.limits.body_bytes;
            Fate::Invalid(413, format!("the body is larger than {limit} bytes"))
        }
        Ok(Route::Inspected(endpoint)) => match effects::as_read(endpoint, &target) {
            Err(error) => Fate::Invalid(400, error.to_string()),
            Ok(read) => match target::parse(&read) {
                Err(error) => Fate::Invalid(400, error.to_string()),
                Ok(target) => inspected_fate(settings, endpoint, &target, body),
            },
        },
    }
}

/// What any plugin is asked about.
fn reviewed(settings: &Settings) -> Purposes {
    let plugins = settings.plugins.list.iter();
    plugins.fold(Purposes::default(), |all, plugin| all.and(plugin.asked))
}

fn inspected_fate(
    settings: &Settings,
    endpoint: Endpoint,
    target: &Target<'_>,
    body: &[u8],
) -> Fate {
    let judged = effects::inspection_mode(endpoint, target, &settings.policy, reviewed(settings));
    let Some(endpoint) = judged else {
        return Fate::NotInspected;
    };
    match effects::read(endpoint, target, body) {
        Err(error) => Fate::Invalid(400, error.to_string()),
        Ok(request) => judged_fate(settings, request),
    }
}

fn judged_fate(settings: &Settings, request: Inspected<RequestBody>) -> Fate {
    let policy = &settings.policy;
    if let Some(told) = policy.strict.told(request.effects()) {
        eprintln!("note: {told}: not known here, refused under `strict`");
    }
    let facts = learn(settings, &request);
    match judge(policy, request, &facts) {
        Verdict::Forbidden(violations) => Fate::Forbidden(violations),
        Verdict::Allowed(checked) => {
            if let Some(Granted { image, reason, lifted, .. }) = checked.granted() {
                let (lifted, reason) = (lifted.sentences(), shown(reason));
                eprintln!("note: excepted for image {image}: {lifted}; {reason}");
            }
            let mut body = Vec::new();
            let forwarded = effects::render(checked, policy, &facts, &mut body);
            Fate::Allowed(body, forwarded.changes)
        }
    }
}

/// What can be learned here, in as many rounds as in the traffic.
fn learn(settings: &Settings, request: &Inspected<RequestBody>) -> Facts {
    let mut facts = Facts::none();
    for _ in 0..ROUNDS_MAX {
        let questions = further_questions(&settings.policy, request.effects(), &facts);
        if questions.is_empty() {
            break;
        }
        facts.add(look_up(settings, &questions));
    }
    facts
}

/// Without a daemon images and volumes are judged by what the request says alone, and that is said.
fn look_up(settings: &Settings, questions: &Questions) -> Facts {
    let daemon = Daemon::of(settings);
    let mut facts = lookup::look_up(questions, &daemon, &ImageCache::disabled());
    let note = |what: &dyn Display| {
        let daemon = &settings.dockerapi;
        eprintln!("note: no daemon at {daemon}, {what} is judged by its name alone");
    };
    for image in &questions.images {
        if facts.image(image).is_none() {
            note(&format_args!("image {image}"));
            facts.add_image(image.clone(), ImageFacts::Absent);
        }
    }
    for build in &questions.builds {
        if facts.build(build).is_none() {
            facts.add_build(build.clone(), ImageFacts::Absent);
        }
    }
    if questions.image_list && facts.image_list().is_none() {
        facts.add_image_list(Vec::new());
    }
    if questions.api_version && facts.api_version().is_none() {
        let (daemon, version) = (&settings.dockerapi, ApiVersion::NEWEST);
        eprintln!("note: no daemon at {daemon}, its API version is taken to be {version}");
        facts.add_api_version(ApiVersion::NEWEST);
    }
    if questions.runtimes && facts.runtimes().is_none() {
        let (daemon, default) = (&settings.dockerapi, "runc".to_owned());
        eprintln!("note: no daemon at {daemon}, its default runtime is taken to be {default}");
        facts.add_runtimes(Runtimes { default, programs: Vec::new() });
    }
    for volume in &questions.volumes {
        if facts.volume(volume).is_none() {
            note(&format_args!("volume {}", shown(volume)));
            facts.add_volume(volume.clone(), VolumeFacts::Absent);
        }
    }
    facts
}

/// One line a violation, with the field that asked for it.
fn list(violations: &Violations) -> String {
    violations.iter().fold(String::new(), |mut lines, violation| {
        // Writing to a string can't fail.
        let _ = writeln!(lines, "forbidden: {violation} in {}", violation.at);
        lines
    })
}

fn refused(text: &str) -> Result<Outcome, CliError> {
    print(text).map(|_| Outcome::Refused)
}

fn print_line(body: &[u8]) -> Result<Outcome, CliError> {
    print(&format!("{}\n", String::from_utf8_lossy(body)))
}

/// Text from a request, so that it can't command the terminal.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] })
        .collect()
}

/// Reads one byte more than the limit at most, which is enough to know.
fn read_request(request: &Path, bytes_max: usize) -> Result<Vec<u8>, CliError> {
    let failed = |error| CliError::Io(format!("cannot read {}", request.display()), error);
    let input: Box<dyn Read> = if request == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(request).map_err(failed)?)
    };
    let mut body = Vec::new();
    input.take(bytes_max as u64 + 1).read_to_end(&mut body).map_err(failed)?;
    Ok(body)
}

//! `secdocker init`: a commented `config.yml` for a preset, written where none is yet. It asks nothing.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use super::outcome::{CliError, Outcome, print};
use crate::config::PRESETS;

/// Where it is written if no place is named.
const PLACE: &str = "config.yml";

/// What holds whatever the client is: what nobody needs who does not mean to take the host over.
const RESTRICTIONS: &str = "\
# What is forbidden, whatever endpoint asks for it. Take out what your containers need, and rather name an
# image in `exceptions` than allow something to all.
restrictions:
  # Paths of the host that no container may mount, with all below and above them.
  mounts: [/, /boot, /dev, /etc, /proc, /root, /run, /sys, /usr]
  # Privileged containers, and what adds up to them.
  privileged: true
  # Networks that would take over addresses of the host or of others.
  subnets: [host, public, link-local]
  # ports: [22]
  # users: [root]
  # images: {allow: [registry.example/team/*]}
";

/// What is as it would be without the file.
const DEFAULTS: &str = "
# What is forced on the requests that are allowed.
# general:
#   memory: 1g
#   cpu: 2
#   capdrop: [NET_RAW]

# Where the daemon is, and where clients are awaited.
# For redirected clients (`secdocker redirect`), listen with `tcp: 8999` and `transparent: true`.
# dockerapi: /var/run/docker.sock
# listen:
#   tcp: 127.0.0.1:8999
#   unix: /run/secdocker/docker.sock

# log:
#   file: secdocker.log
#   level: info
";

/// Writes the file, unless there is one.
pub(super) fn init(preset: Option<&str>, place: Option<PathBuf>) -> Result<Outcome, CliError> {
    let text = text(preset)?;
    let place = place.unwrap_or_else(|| PathBuf::from(PLACE));
    let failed = |error| CliError::Io(format!("cannot write {}", place.display()), error);
    let mut file = File::create_new(&place).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let shown = place.display();
    print(&format!("secdocker: {shown} is written; `secdocker check {shown}` says what it means\n"))
}

/// The configuration for a preset, or for any client.
fn text(preset: Option<&str>) -> Result<String, CliError> {
    let mut out = String::from(
        "# SecDocker's configuration. All keys: secdocker.yml(5), docs/CONFIGURATION.md, `secdocker schema`.\n\
         # A changed file takes effect at once; a broken one is refused, and the old rules stay in force.\n\n",
    );
    if let Some(name) = preset {
        let known = PRESETS.iter().find(|(known, _)| *known == name);
        let (_, preset) = known.ok_or_else(|| {
            let known = PRESETS.map(|(known, _)| known).join(", ");
            let name = name.escape_debug();
            CliError::Usage(format!("`{name}` is not a preset: there are {known}"))
        })?;
        describe_preset(&mut out, name, preset);
    }
    out.push_str(RESTRICTIONS);
    out.push_str(DEFAULTS);
    Ok(out)
}

/// The section that names the preset, and what the preset says of itself.
fn describe_preset(out: &mut String, name: &str, preset: &str) {
    let (head, entries) = preset.split_once("endpoints:\n").unwrap_or((preset, ""));
    for line in head.lines().filter(|line| !is_about_use(line)) {
        // Writing to a string can't fail.
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "endpoints:\n  preset: {name}\n  # It lets through:");
    let entries = entries.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
    for entry in entries {
        let _ = writeln!(out, "  #   {entry}");
    }
    out.push_str(
        "  # What else may be called, and what may not:\n  # allow: [GET /info]\n  # deny: []\n\n",
    );
}

/// The lines of a preset that tell how to use it.
fn is_about_use(line: &str) -> bool {
    let about = ["# By name, in your own", "# Or copy this file"];
    about.iter().any(|text| line.starts_with(text))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::config::{self, Overrides};

    /// Restrictions that say something, and the endpoints of the preset itself.
    #[test]
    fn what_is_written_is_valid_for_every_preset() {
        let folder = std::env::temp_dir().join(format!("secdocker-init-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let load = |text: &str| {
            let file = folder.join("config.yml");
            std::fs::write(&file, text).unwrap();
            config::load(&file, &Overrides::default())
                .unwrap_or_else(|error| panic!("{error}\n{text}"))
        };
        for (name, preset) in PRESETS {
            let text = text(Some(name)).unwrap();
            let settings = load(&text);
            assert!(settings.restricts(), "{name}");
            let endpoints =
                |settings: &config::Settings| format!("{:?}", settings.policy.endpoints);
            assert_eq!(endpoints(&settings), endpoints(&load(preset)), "{name}");
        }
        let any = text(None).unwrap();
        assert!(load(&any).restricts() && !any.contains("\nendpoints:"), "{any}");
        // What is commented out is valid too: prose begins with a capital letter.
        let keys = DEFAULTS.lines().filter_map(|line| line.strip_prefix("# "));
        let keys = keys.filter(|line| !line.starts_with(|c: char| c.is_ascii_uppercase()));
        let keys: String = keys.map(|line| format!("{line}\n")).collect();
        assert!(keys.contains("dockerapi: ") && keys.contains("general:\n"), "{keys}");
        load(&keys);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

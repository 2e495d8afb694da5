//! Every way of a build tool to a forbidden image, by what a step of it leaves: straight at the engine it is
//! there, through SecDocker it is not.

use std::fs;
use std::path::Path;

use super::tools::{context, has, run};
use crate::support::{Daemon, Way, unique};
use crate::{RULES, is_mediated, under};

/// A Dockerfile and arguments that leave `/marker` of the forbidden image.
const WAYS: [(&str, &[&str]); 8] = [
    ("FROM ubuntu:16.04\nRUN cp /who /marker\n", &[]),
    ("FROM docker.io/library/ubuntu:16.04\nRUN cp /who /marker\n", &[]),
    ("ARG I=probe:1\nFROM $I\nRUN cp /who /marker\n", &["--build-arg", "I=ubuntu:16.04"]),
    ("FROM marked:1\nRUN cp /who /marker\n", &[]),
    ("FROM probe:1\nCOPY --from=ubuntu:16.04 /who /marker\n", &[]),
    ("FROM probe:1\nRUN --mount=from=ubuntu:16.04,target=/m cp /m/who /marker\n", &[]),
    ("FROM ubuntu:16.04 AS a\nFROM probe:1\nCOPY --from=a /who /marker\n", &[]),
    ("FROM base\nRUN cp /who /marker\n", &["--build-context", "base=docker-image://ubuntu:16.04"]),
];

/// Builds into a directory; what the marker says, if there is one.
fn marker(way: &dyn Way, dockerfile: &str, arguments: &[&str]) -> Option<String> {
    let directory = context(dockerfile);
    let output = ["--no-cache", "--output", "type=local,dest=out", "."];
    let built = run(way, &[&["buildx", "build"], arguments, &output].concat(), &directory);
    let marker = fs::read_to_string(directory.join("out/marker")).ok();
    let is_there = Path::new(&directory.join("out")).exists();
    assert_eq!(built.status.success(), is_there, "{dockerfile}: {built}");
    marker
}

#[test]
fn no_step_of_a_forbidden_image_leaves_anything() {
    if !has("docker-buildx") || !is_mediated() {
        return;
    }
    let tag = "/images/ubuntu:16.04/tag?repo=marked&tag=1";
    Daemon::shared().api().ask(&crate::support::client::post(tag, ""));
    let listed =
        format!("restrictions: {{images: {{allow: [\"probe:1\", \"{}/*\"]}}}}\n", unique("made"));
    let ways = [under(RULES), under(&listed)];
    for (dockerfile, arguments) in WAYS {
        let straight = marker(Daemon::shared(), dockerfile, arguments);
        assert_eq!(straight.as_deref().map(str::trim), Some("ubuntu:16.04"), "{dockerfile}");
        for secdocker in &ways {
            assert_eq!(marker(secdocker, dockerfile, arguments), None, "{dockerfile}");
        }
    }
    for secdocker in &ways {
        let allowed = marker(secdocker, "FROM probe:1\nRUN cp /who /marker\n", &[]);
        assert_eq!(allowed.as_deref().map(str::trim), Some("probe:1"));
    }
}

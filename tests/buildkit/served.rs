//! Builds that the daemon puts together itself (`POST /build?version=2`) and for which the client serves files by
//! `POST /session`, as the command of 20.10 asks for them: the Dockerfile is judged as the daemon takes it. Engines that
//! can be held to rules otherwise refuse such builds.

use std::fs;

use super::server::{Entry, build_serving};
use super::tools::{context, run_with};
use crate::support::client::post;
use crate::support::{Daemon, Finished, Way, unique};
use crate::{RULES, is_mediated, under};

const BUILDKIT: [(&str, &str); 1] = [("DOCKER_BUILDKIT", "1")];
/// What a step says that must not run; the command itself says it otherwise.
const MARK: &str = "ubuntu-ran";
const SAYS_MARK: &str = "ubuntu-''ran";

/// By the client's own BuildKit, without buildx.
fn build(way: &dyn Way, arguments: &[&str], directory: &std::path::Path, input: &[u8]) -> Finished {
    let arguments = [&["build", "--network", "none"], arguments].concat();
    run_with(way, &arguments, directory, &BUILDKIT, input)
}

#[test]
fn builds_of_the_command_pass_and_are_the_same() {
    if is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let directory = context("FROM probe:1 AS one\nCOPY compose.yml /f\nRUN cat /who > /made\n");
    let long =
        format!("FROM probe:1\n{}RUN echo\n", "# a comment that makes it long\n".repeat(9000));
    fs::write(directory.join("long"), long).unwrap();
    let two = "FROM probe:1 AS a\nRUN echo a > /x\nFROM scratch AS b\nCOPY --from=a /x /y\n";
    fs::write(directory.join("two"), two).unwrap();
    fs::create_dir(directory.join("below")).unwrap();
    fs::write(directory.join("below/other"), "ARG BASE=x\nFROM $BASE\nRUN cat /who\n").unwrap();
    fs::write(directory.join("below/other.dockerignore"), "# nothing\n").unwrap();
    for way in [Daemon::shared() as &dyn Way, &secdocker] {
        let tag = unique("served");
        for (arguments, input) in [
            (&["-t", &tag, "."][..], &b""[..]),
            // The daemon has the Dockerfile by then.
            (&["-t", &tag, "."], b""),
            (&["--no-cache", "."], b""),
            (&["-f", "long", "."], b""),
            (&["-f", "two", "--target", "b", "."], b""),
            (&["-f", "below/other", "--build-arg", "BASE=probe:1", "."], b""),
            (&["-f", "-", "."], b"FROM probe:1\nCOPY compose.yml /g\nRUN echo piped\n"),
            (&["--iidfile", "iid", "."], b""),
            (&["-f", "two", "-o", "type=local,dest=out", "."], b""),
            (&["--build-arg", "BUILDKIT_INLINE_CACHE=1", "."], b""),
        ] {
            let built = build(way, arguments, &directory, input);
            assert!(built.status.success(), "{} {arguments:?}: {built}", way.name());
        }
        assert_eq!(fs::read_to_string(directory.join("out/y")).unwrap(), "a\n");
        fs::remove_dir_all(directory.join("out")).unwrap();
        assert_eq!(Daemon::shared().api().get(&format!("/images/{tag}/json")).status, 200);
    }
    let log = secdocker.log();
    assert!(log.contains("FileSync/DiffCopy"), "each Dockerfile is told of: {log}");
}

#[test]
fn what_rules_forbid_is_refused_in_words() {
    if is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let forbidden = "image ubuntu:16.04 (rule \"ubuntu:16.04\")";
    let reads = "has an image read it";
    let ran = format!("RUN echo {SAYS_MARK}\n");
    for (dockerfile, arguments, sentence) in [
        (format!("FROM ubuntu:16.04\n{ran}"), &[][..], forbidden),
        ("FROM probe:1\nCOPY --from=ubuntu:16.04 /who /w\n".into(), &[], forbidden),
        (
            "FROM probe:1\nRUN --mount=from=ubuntu:16.04,target=/m cat /m/who\n".into(),
            &[],
            forbidden,
        ),
        (format!("FROM probe:1\nONBUILD COPY --from=ubuntu:16.04 / /\n{ran}"), &[], forbidden),
        (format!("ARG B\nFROM $B\n{ran}"), &["--build-arg", "B=ubuntu:16.04"], forbidden),
        (
            format!("FROM probe:1 AS t\nCOPY --from=z /who /w\nFROM ubuntu:16.04 AS z\n{ran}"),
            &["--target", "t"],
            forbidden,
        ),
        (format!("# syntax=ubuntu:16.04\nFROM probe:1\n{ran}"), &[], reads),
        (format!("# x=y\n# SYNTAX = ubuntu:16.04\nFROM probe:1\n{ran}"), &[], reads),
        (format!("FROM probe:1\nENV TOKEN=x\n{ran}"), &[], "environment variable TOKEN"),
        (format!("FROM probe:1\nRUN --network=host echo {SAYS_MARK}\n"), &[], ""),
        (format!("FROM probe:1\nRUN --security=insecure echo {SAYS_MARK}\n"), &[], ""),
    ] {
        let directory = context(&dockerfile);
        let built = build(&secdocker, &[arguments, &["."]].concat(), &directory, b"");
        let said = built.to_string();
        assert!(!built.status.success() && said.contains(sentence), "{dockerfile}: {said}");
        assert!(!said.contains(MARK), "{dockerfile}: {said}");
    }
    let directory = context("FROM probe:1\n");
    let built = build(&secdocker, &["-"], &directory, b"FROM probe:1\nRUN echo\n");
    assert!(built.status.success(), "a Dockerfile alone: {built}");
}

/// Asked for by hand: the command of 20.10 may wait for ever if it is refused before its session has begun.
#[test]
fn what_a_request_asks_for_is_judged_before_any_dockerfile() {
    if is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let forbidden = "image ubuntu:16.04 (rule \"ubuntu:16.04\")";
    let unseen = "whose Dockerfile is not seen";
    for (query, sentence) in [
        ("remote=client-session&buildargs={\"BUILDKIT_SYNTAX\":\"ubuntu:16.04\"}", unseen),
        ("remote=client-session&buildargs={\"BUILDKIT_DISABLE_FILEOP\":\"1\"}", unseen),
        ("remote=client-session&buildargs={\"TOKEN\":\"x\"}", "environment variable TOKEN"),
        ("remote=client-session&t=ubuntu:16.04", forbidden),
        ("remote=client-session&cachefrom=[\"ubuntu:16.04\"]", forbidden),
        (
            "remote=client-session&outputs=[{\"Type\":\"moby\",\"Attrs\":{\"name\":\"ubuntu:16.04\"}}]",
            forbidden,
        ),
        ("remote=client-session&networkmode=host", "network namespace of the host"),
        ("remote=upload-request", unseen),
        ("remote=https://d/x.git", unseen),
        ("", unseen),
    ] {
        let encoded = query.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
        let target = format!("/build?version=2&session=x&{encoded}");
        let answer = secdocker.connect().ask(post(&target, ""));
        assert!(answer.status == 403 && answer.message().contains(sentence), "{query}: {answer:?}");
    }
}

const FORBIDDEN: &str = "FROM ubuntu:16.04\nRUN echo ubuntu-''ran\n";
const HARMLESS: &str = "FROM probe:1\nRUN echo probe-''ran\n#    \n";

/// The same number of bytes, and the same time: the daemon takes it for the file that it has.
#[test]
fn a_dockerfile_that_the_daemon_has_is_judged_again() {
    if is_mediated() {
        return;
    }
    assert_eq!(FORBIDDEN.len(), HARMLESS.len());
    let secdocker = under(RULES);
    for time in [0, 1_600_000_000_000_000_000] {
        let key = unique("key");
        let forbidden = [Entry::file("Dockerfile", FORBIDDEN).at(time)];
        let harmless = [Entry::file("Dockerfile", HARMLESS).at(time)];
        let said = build_serving(Daemon::shared(), &key, "", &forbidden);
        assert!(said.contains("ubuntu-ran"), "{said}");
        let said = build_serving(Daemon::shared(), &key, "", &harmless);
        assert!(said.contains("ubuntu-ran"), "the daemon does not ask for it: {said}");
        let said = build_serving(&secdocker, &key, "", &harmless);
        assert!(!said.contains("ubuntu-ran"), "{said}");
        let is_judged = said.contains("probe-ran") || said.contains("was not sent it");
        assert!(is_judged, "{time}: {said}");
    }
}

#[test]
fn files_by_which_another_dockerfile_might_be_read_are_refused() {
    if is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    for (entries, query, sentence) in [
        // The daemon follows links.
        (
            vec![Entry::link("Dockerfile", "x"), Entry::file("x", FORBIDDEN)],
            "",
            "it is a link, or no file",
        ),
        (
            vec![Entry::file("Dockerfile", HARMLESS), Entry::file("dockerfile", FORBIDDEN)],
            "",
            "image ubuntu:16.04",
        ),
        (vec![Entry::file("dockerfile", FORBIDDEN)], "", "image ubuntu:16.04"),
        (
            vec![Entry::file("Dockerfile.dockerignore", FORBIDDEN)],
            "&dockerfile=Dockerfile.dockerignore",
            "image ubuntu:16.04",
        ),
        (vec![], "", "there is no Dockerfile"),
        (vec![Entry::file("Dockerfile", "")], "", "it has no FROM"),
        (vec![Entry::file("Dockerfile", FORBIDDEN).compressed()], "", "it is compressed"),
        (vec![Entry::file("Dockerfile", FORBIDDEN).in_one_piece_of(70_000)], "", "too long"),
        (vec![Entry::file("Dockerfile", HARMLESS).sent_again(FORBIDDEN)], "", "it is sent twice"),
        (vec![Entry::file("Dockerfile", HARMLESS)], "&dockerfile=x/../Dockerfile", "not seen"),
        (vec![Entry::file("Dockerfile", HARMLESS)], "&remote=https://d/x.git", "not seen"),
        (vec![Entry::file("Dockerfile", HARMLESS)], "&remote=", "not seen"),
    ] {
        let said = build_serving(&secdocker, &unique("key"), query, &entries);
        assert!(said.contains(sentence) && !said.contains("-ran"), "{sentence}: {said}");
    }
    // Nobody else has noticed.
    let said =
        build_serving(&secdocker, &unique("key"), "", &[Entry::file("Dockerfile", HARMLESS)]);
    assert!(said.contains("probe-ran"), "{said}");
}

#[test]
fn an_engine_that_can_be_held_to_rules_otherwise_is() {
    if !is_mediated() {
        return;
    }
    let secdocker = under(RULES);
    let entries = [Entry::file("Dockerfile", FORBIDDEN)];
    let said = build_serving(&secdocker, &unique("key"), "", &entries);
    assert!(said.contains("use buildx or DOCKER_BUILDKIT=0"), "{said}");
    let said = build_serving(Daemon::shared(), &unique("key"), "", &entries);
    assert!(said.contains("ubuntu-ran"), "{said}");
}

/// A foreign frontend gets more than it is allowed (CVE-2024-23653).
#[test]
fn rules_about_the_host_have_dockerfiles_judged_too() {
    if is_mediated() {
        return;
    }
    let entries = [Entry::file("Dockerfile", "# syntax=probe:1\nFROM probe:1\n")];
    for rules in
        ["privileged: true", "ports: [22]", "devices: [\"*\"]", "capabilities: [SYS_ADMIN]"]
    {
        let secdocker = under(&format!("restrictions: {{{rules}}}\n"));
        let said = build_serving(&secdocker, &unique("key"), "", &entries);
        assert!(said.contains("has an image read it"), "{rules}: {said}");
    }
}

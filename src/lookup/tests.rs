//! Look-ups at a daemon that says what the test has it say.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::*;
use crate::config::UpstreamAddress;
use crate::image::ImageRef;
use crate::policy::effects::{Effect, MountEffect};
use crate::policy::facts::Question;
use crate::policy::facts::Questions;
use crate::policy::facts::{ContainerFacts, ImageFacts, NetworkFacts, ServiceFacts, VolumeFacts};
use crate::policy::types::HostPath;

/// A daemon that answers with the body for a target, or `404`, and tells what it was asked.
fn daemon(answers: &'static [(&'static str, &'static str)]) -> (Daemon, Receiver<String>) {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("secdocker-look-up-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let target = line.split(' ').nth(1).unwrap().to_owned();
            let found = answers.iter().find(|(known, _)| *known == target);
            let (status, body) = found.map_or((404, "{}"), |(_, body)| (200, body));
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = tell.send(target);
            let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
        }
    });
    (Daemon { address: UpstreamAddress::Unix(path), mark: None, tls: None }, told)
}

#[test]
fn each_kind_of_question_has_its_answer() {
    let (daemon, told) = daemon(&[
        ("/networks/abc", r#"{"Name":"host","Driver":"host"}"#),
        ("/volumes/v", r#"{"Driver":"local","Options":{"o":"bind","device":"/root"}}"#),
        ("/containers/web/json", r#"{"Name":"/web","Config":{"User":"7"},"HostConfig":{}}"#),
        ("/services/s", r#"{"Version":{"Index":3}}"#),
        ("/images/docker.io/library/app:1/json", r#"{"Id":"sha256:1","Config":{"Env":["A=b"]}}"#),
        ("/volumes/odd", "no JSON"),
        ("/volumes", r#"{"Volumes":[{"Name":"a/../b","Driver":"local","Options":null}]}"#),
    ]);
    let image = ImageRef::parse("app:1").unwrap();
    let mut questions = Questions::from_iter([Question::image(&image)]);
    questions.extend(["abc", "none"].map(Question::network));
    questions.extend(["v", "absent", "odd", "a/../b", "./c"].map(Question::volume));
    questions.extend(["/web", "absent"].map(Question::container));
    questions.extend(["s", "a b"].map(Question::service));
    let facts = look_up(&questions, &daemon, &Memory::none());
    assert_eq!(facts.network("abc"), Some(&NetworkFacts::Host));
    assert_eq!(facts.network("none"), Some(&NetworkFacts::Other(vec![])));
    let root = Effect::Mount(MountEffect::HostPath(HostPath::parse("/root").unwrap()));
    assert_eq!(facts.volume("v"), Some(&VolumeFacts::Present(vec![root])));
    assert_eq!(facts.volume("absent"), Some(&VolumeFacts::Absent));
    assert_eq!(facts.volume("odd"), None);
    assert_eq!(facts.volume("a/../b"), Some(&VolumeFacts::Present(vec![])));
    assert_eq!(facts.volume("./c"), Some(&VolumeFacts::Absent));
    assert!(matches!(facts.container("/web"), Some(ContainerFacts::Present(_))));
    assert_eq!(facts.container("absent"), Some(&ContainerFacts::Absent));
    assert!(matches!(facts.service("s"), Some(ServiceFacts::Present { version: 3, .. })));
    assert_eq!(facts.service("a b"), Some(&ServiceFacts::Absent));
    assert!(matches!(facts.image(&image), Some(ImageFacts::Present { .. })));
    let asked: Vec<String> = told.try_iter().collect();
    assert_eq!(asked.len(), 12, "{asked:?}");
    assert!(asked.contains(&"/services/a%20b".to_owned()), "{asked:?}");
}

#[test]
fn of_a_daemon_that_is_not_there_nothing_is_known() {
    let address = UpstreamAddress::Unix("/nowhere/docker.sock".into());
    let questions = Questions::from_iter([Question::volume("v")]);
    let daemon = Daemon { address, mark: None, tls: None };
    let facts = look_up(&questions, &daemon, &Memory::none());
    assert_eq!(facts.volume("v"), None);
    let address = UpstreamAddress::Tcp("127.0.0.1:1".parse().unwrap());
    let facts = look_up(&questions, &Daemon { address, mark: None, tls: None }, &Memory::none());
    assert_eq!(facts.volume("v"), None);
}

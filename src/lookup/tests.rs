//! Look-ups at a daemon that says what the test has it say.

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::io::{BufRead, BufReader, Write};
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
    let (daemon, listener) = Daemon::played();
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
    (daemon, told)
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
    let questions = Questions::from_iter([Question::volume("v")]);
    let facts = look_up(&questions, &Daemon::nowhere(), &Memory::none());
    assert_eq!(facts.volume("v"), None);
    let address = UpstreamAddress::Tcp("127.0.0.1:1".parse().unwrap());
    let facts = look_up(&questions, &Daemon::plain(address), &Memory::none());
    assert_eq!(facts.volume("v"), None);
}

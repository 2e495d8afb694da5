//! A name that means another image by the time the engine makes the container: it keeps the name that was
//! asked for, and what was made of the other image does not run.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use serde_json::json;
use support::client::{get, post};
use support::{Daemon, Docker, SecDocker, Way, unique};

/// An image of `probe:1` with these changes.
fn image(name: &str, changes: &[&str]) {
    let (docker, container) = (Docker::on(Daemon::shared()), unique("made"));
    docker.run(&["create", "--name", &container, "probe:1", "true"]).ok();
    let mut commit = vec!["commit"];
    changes.iter().for_each(|change| commit.extend(["-c", change]));
    docker.run(&[&commit[..], &[&container, name]].concat()).ok();
    docker.run(&["rm", &container]).ok();
}

fn create(secdocker: &SecDocker, container: &str, image: &str) -> u16 {
    let body = json!({"Image": image, "Cmd": ["sleep", "60"]}).to_string();
    let target = format!("/containers/create?name={container}");
    secdocker.connect().ask(post(&target, body)).status
}

fn ask(way: &dyn Way, container: &str, what: &str) -> (u16, String) {
    let answer = way.connect().ask(post(&format!("/containers/{container}/{what}"), ""));
    (answer.status, answer.text())
}

#[test]
fn a_container_keeps_the_name_of_its_image_while_images_are_being_changed() {
    let (daemon, own) = (Daemon::shared(), unique("own"));
    image(&own, &["USER 1000"]);
    let rules = "restrictions:\n  users: [root]\n  images: ['ubuntu:16.04']\n";
    let secdocker = SecDocker::before(daemon, rules);
    let mut loads = secdocker.connect();
    loads.send("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 9999\r\n\r\nslow");
    secdocker.logs("/images/load");
    let container = unique("named");
    assert_eq!(create(&secdocker, &container, &own), 201);
    assert_eq!(daemon.api().inspect(&container)["Config"]["Image"], json!(own));
    assert_eq!(ask(&secdocker, &container, "start").0, 204);
    daemon.api().remove(&container);
}

/// SecDocker can't see that a name is given to another image at the engine itself, and believes for a
/// while what it meant.
#[test]
fn what_was_made_of_another_image_than_was_judged_does_not_run() {
    let (daemon, docker) = (Daemon::shared(), Docker::on(Daemon::shared()));
    let evil = unique("evil");
    image(&evil, &["ENV SECRET_TOKEN=1", "USER 0"]);
    let forbidden = format!("images: ['{evil}']");
    for rule in ["users: [root]", "groups: [root]", "environment: [SECRET_TOKEN]", &forbidden] {
        let (name, good) = (unique("moves"), unique("good"));
        image(&good, &["USER 1000:1000"]);
        docker.run(&["tag", &good, &name]).ok();
        let secdocker = SecDocker::before(daemon, &format!("restrictions:\n  {rule}\n"));
        let (judged, moved) = (unique("judged"), unique("moved"));
        assert_eq!(create(&secdocker, &judged, &name), 201, "{rule}");
        docker.run(&["tag", &evil, &name]).ok();
        assert_eq!(create(&secdocker, &moved, &name), 201, "{rule}: it is seen, so show it else");
        for what in ["start", "restart", "start?signal=x"] {
            let (status, said) = ask(&secdocker, &moved, what);
            assert_eq!(status, 403, "{rule}: {what} {said}");
        }
        if rule == forbidden {
            let archive = get(&format!("/containers/{moved}/archive?path=/bin/sh"));
            let answer = secdocker.connect().ask(archive);
            assert_eq!(answer.status, 403, "{}", answer.text());
            assert!(answer.message().contains(&evil), "{}", answer.text());
        }
        assert_eq!(ask(&secdocker, &judged, "start").0, 204, "{rule}");
        // What somebody has let run who has the engine itself is started again.
        assert_eq!(ask(daemon, &moved, "start").0, 204, "{rule}");
        docker.run(&["stop", "-t", "0", &moved]).ok();
        assert_eq!(ask(&secdocker, &moved, "start").0, 204, "{rule}");
        daemon.api().remove(&moved);
        daemon.api().remove(&judged);
    }
}

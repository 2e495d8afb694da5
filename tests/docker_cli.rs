//! The real `docker` command through SecDocker does what it does straight at the engine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod support;
use std::fs;
use std::path::Path;
use std::time::Duration;
use support::compare::{POLICY, both, both_under, both_ways, without_ids};
use support::{Daemon, Docker, Running, SecDocker, poll, process, sandbox, unique};

/// Runs the commands in order, both ways, and wants the same status, output and complaints.
#[track_caller]
fn same(commands: &[&str]) {
    let (straight, through) = both_ways(|way| {
        let docker = Docker::on(way);
        let run = |line: &&str| {
            let (status, stdout, stderr) = docker.run(&words(line)).all();
            (status, without_ids(&stdout), without_ids(&stderr))
        };
        commands.iter().map(run).collect::<Vec<_>>()
    });
    for (i, line) in commands.iter().enumerate() {
        assert_eq!(through[i], straight[i], "docker {line}");
    }
}

/// A command line's words; `'` keeps several together.
fn words(line: &str) -> Vec<&str> {
    let outside_and_inside = line.split('\'').enumerate();
    outside_and_inside
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        })
        .collect()
}

fn secdocker() -> SecDocker {
    SecDocker::before(Daemon::shared(), POLICY)
}

#[test]
fn asks_about_the_engine() {
    same(&[
        "version",
        "info --format '{{.ID}} {{.Driver}} {{.ServerVersion}} {{.MemTotal}} {{json .Plugins}}'",
        "images --format '{{.ID}} {{.Repository}}:{{.Tag}} {{.Size}}' probe",
        "image inspect probe:1 ubuntu:16.04",
        "history --format '{{.Size}} {{.Comment}}' probe:1",
        "network ls --filter name=bridge --format '{{.Name}} {{.Driver}}'",
        "ps -a --filter name=nobody",
    ]);
}

#[test]
fn runs_a_container_in_the_foreground() {
    same(&[
        "run --rm probe:1 echo hello",
        "run --rm probe:1 sh -c 'echo out; echo err >&2; exit 3'",
        "run --rm --user 1000 --env A=b --workdir /w --hostname h probe:1 sh -c 'id; pwd; echo $A; hostname'",
        "run --rm --memory 100m --cpus 0.5 --network none probe:1 ip -o addr show scope global",
    ]);
}

#[test]
fn leads_a_container_through_its_life() {
    let name = unique("life");
    let line = |text: &str| text.replace("NAME", &name);
    let show = line(
        "ps -a --filter name=NAME --format '{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Ports}}'",
    );
    let lines = [
        "run -d --name NAME --publish 127.0.0.1:18081:80 probe:1 sleep 1000",
        &show,
        "port NAME",
        "exec NAME echo inside",
        "exec --user 1000 --env X=y --workdir /tmp NAME sh -c 'id -u; echo $X; pwd; exit 5'",
        "exec NAME touch /new",
        "diff NAME",
        "pause NAME",
        &show,
        "unpause NAME",
        "rename NAME NAME-b",
        "update --memory 200m --memory-swap 400m NAME-b",
        "inspect --format '{{.Name}} {{.HostConfig.Memory}} {{.State.Status}} {{.Config.Cmd}}' NAME-b",
        "commit --change 'CMD [\"true\"]' --message m NAME-b NAME-image",
        "image inspect --format '{{.Config.Cmd}} {{.Comment}}' NAME-image",
        "tag NAME-image NAME-image:2",
        "images NAME-image --format '{{.Repository}}:{{.Tag}}'",
        "rmi NAME-image:2 NAME-image",
        "restart --time 0 NAME-b",
        "kill NAME-b",
        "wait NAME-b",
        "start NAME-b",
        "stop --time 0 NAME-b",
        "rm NAME-b",
        "inspect NAME-b",
    ]
    .map(line);
    same(&lines.each_ref().map(String::as_str));
}

#[test]
fn manages_networks_and_volumes() {
    let name = unique("things");
    let lines = [
        "network create --subnet 10.99.0.0/24 --label a=b NAME",
        "network ls --filter name=NAME --format '{{.Name}} {{.Driver}} {{.Scope}}'",
        "create --name NAME probe:1 sleep 1000",
        "network connect --ip 10.99.0.7 --alias x NAME NAME",
        "start NAME",
        // Which of the two devices it got is not said: engines differ, and so does one from time to time.
        "exec NAME sh -c 'ip -o -4 addr | grep -o \"10[.]99[.][0-9./]* \"'",
        "network inspect --format '{{json .IPAM.Config}} {{len .Containers}}' NAME",
        "network disconnect NAME NAME",
        "rm -f NAME",
        "network rm NAME",
        "network rm NAME",
        "volume create --label c=d NAME",
        "run --rm --volume NAME:/v probe:1 sh -c 'echo kept >/v/f'",
        "run --rm --mount type=volume,source=NAME,target=/v,readonly probe:1 sh -c 'cat /v/f; touch /v/g'",
        "volume inspect --format '{{.Name}} {{.Driver}} {{.Labels}}' NAME",
        "volume ls --filter name=NAME",
        "volume rm NAME",
        "volume inspect NAME",
    ]
    .map(|line| line.replace("NAME", &name));
    same(&lines.each_ref().map(String::as_str));
}

#[test]
fn shows_the_engines_own_errors() {
    same(&[
        "inspect nobody",
        "rm nobody",
        "exec nobody true",
        "logs nobody",
        "cp nobody:/x /tmp/nowhere",
        "run --rm --name -- probe:1 true",
        "run --rm --volume relative/../path:/x probe:1 true",
        "rmi no-such-image:1",
        "save no-such-image:1",
        "network create bridge",
    ]);
}

#[test]
fn says_when_an_image_is_unknown() {
    both(|way| {
        let stderr = Docker::on(way).run(&["run", "--rm", "no-such-image-here:1"]).fails(125);
        assert!(stderr.contains("Unable to find image 'no-such-image-here:1' locally"), "{stderr}");
        stderr.contains("registry-1.docker.io")
    });
}

#[test]
fn passes_the_end_of_input_on() {
    let input: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    both(|way| {
        let docker = Docker::on(way);
        let cat = docker.run_with(&["run", "--rm", "-i", "probe:1", "cat"], &input);
        assert!(cat.stdout == input, "{}: {} bytes came back", way.name(), cat.stdout.len());
        let count = ["run", "--rm", "-i", "probe:1", "sh", "-c", "wc -c; echo end; exit 7"];
        docker.run_with(&count, &input).all()
    });
}

#[test]
fn passes_input_to_an_exec() {
    let name = unique("exec");
    both(|way| {
        let docker = Docker::on(way);
        docker.run(&["run", "-d", "--name", &name, "probe:1", "sleep", "1000"]).ok();
        let exec = docker.run_with(&["exec", "-i", &name, "wc", "-c"], &[b'x'; 200_000]).all();
        docker.run(&["rm", "-f", &name]).ok();
        exec
    });
}

#[test]
fn runs_on_a_terminal() {
    both(|way| {
        let mut run = Docker::on(way).start_on_terminal(&["run", "--rm", "-it", "probe:1", "sh"]);
        run.says("/ #");
        run.send(b"tty; echo $((6 * 7)) items\n");
        run.says("/dev/pts/0");
        run.says("42 items");
        run.send(b"exit 9\n");
        run.finish().status.code()
    });
}

#[test]
fn executes_on_a_terminal() {
    let name = unique("pty");
    both(|way| {
        let docker = Docker::on(way);
        docker.run(&["run", "-d", "--name", &name, "probe:1", "sleep", "1000"]).ok();
        let mut exec = docker.start_on_terminal(&["exec", "-it", &name, "sh"]);
        exec.says("/ #");
        exec.send(b"stty size; echo $((6 * 7)) items\n");
        exec.says("42 items");
        exec.send(b"exit 8\n");
        let code = exec.finish().status.code();
        docker.run(&["rm", "-f", &name]).ok();
        code
    });
}

/// Over the Unix listener: over TCP this version of the client hangs at the detach keys by itself.
#[test]
fn attaches_and_detaches() {
    let name = unique("attach");
    let socket = sandbox::short_directory("listener").join("docker.sock");
    let rest = format!("listen:\n  unix: {}\n{POLICY}", socket.display());
    let _secdocker = SecDocker::before(Daemon::shared(), &rest);
    for docker in [Docker::on(Daemon::shared()), Docker::at(format!("unix://{}", socket.display()))]
    {
        docker.run(&["run", "-dit", "--name", &name, "probe:1", "sh"]).ok();
        let mut attach = docker.start_on_terminal(&["attach", &name]);
        attach.send(b"echo $((6 * 7)) items\n");
        attach.says("42 items");
        detach(&mut attach);
        attach.finish().fails(1);
        let state = docker.run(&["inspect", "--format", "{{.State.Status}}", &name]).ok();
        assert_eq!(state, "running");
        docker.run(&["rm", "-f", &name]).ok();
    }
}

/// Ctrl-P, Ctrl-Q. The client wants each key in a read of its own, which the terminal may prevent.
#[track_caller]
fn detach(attached: &mut Running) {
    support::until("the client to detach", || {
        for key in [b"\x10", b"\x11"] {
            if !attached.has_ended() {
                drop(attached.try_send(key));
            }
            let said = || attached.output().contains("read escape sequence").then_some(());
            if poll::within(Duration::from_millis(200), said).is_some() {
                return Some(());
            }
        }
        None
    });
}

#[test]
fn attaches_without_a_terminal() {
    let name = unique("pipes");
    both(|way| {
        let docker = Docker::on(way);
        let script = "while read line; do echo \"out $line\"; echo \"err $line\" >&2; done; exit 6";
        docker.run(&["create", "-i", "--name", &name, "probe:1", "sh", "-c", script]).ok();
        let all = docker.run_with(&["start", "-ai", &name], b"one\ntwo\n").all();
        docker.run(&["rm", "-f", &name]).ok();
        all
    });
}

#[test]
fn follows_logs() {
    let name = unique("logs");
    both(|way| {
        let docker = Docker::on(way);
        let script = "echo first; until [ -e /go ]; do sleep 0.1; done; echo second >&2";
        docker.run(&["run", "-d", "--name", &name, "probe:1", "sh", "-c", script]).ok();
        let logs = docker.start(&["logs", "-f", &name]);
        logs.says("first");
        docker.run(&["exec", &name, "touch", "/go"]).ok();
        let all = logs.finish().all();
        assert_eq!(docker.run(&["logs", "--tail", "1", &name]).ok(), "");
        docker.run(&["rm", "-f", &name]).ok();
        all
    });
}

#[test]
fn streams_events() {
    let name = unique("events");
    both(|way| {
        let docker = Docker::on(way);
        let filter = format!("container={name}");
        let arguments = ["events", "--since", "1h", "--filter", &filter, "--format", "{{.Action}}"];
        let mut events = docker.start(&arguments);
        docker.run(&["create", "--name", &name, "probe:1", "true"]).ok();
        events.says("create\n");
        docker.run(&["start", "-a", &name]).ok();
        events.says("start\n");
        docker.run(&["rm", &name]).ok();
        events.says("destroy\n");
        assert!(!events.has_ended(), "{} ended", way.name());
    });
}

#[test]
fn streams_statistics() {
    let name = unique("stats");
    both(|way| {
        let docker = Docker::on(way);
        docker.run(&["run", "-d", "--name", &name, "probe:1", "sleep", "1000"]).ok();
        let once = docker.run(&["stats", "--no-stream", "--format", "{{.Name}}", &name]).ok();
        let stats = docker.start(&["stats", "--format", "{{.Name}} {{.PIDs}};", &name]);
        let line = format!("{name} 1;");
        support::until("statistics twice", || {
            (stats.output().matches(&line).count() >= 2).then_some(())
        });
        docker.run(&["rm", "-f", &name]).ok();
        once
    });
}

#[test]
fn waits_for_the_end_of_a_container() {
    let name = unique("wait");
    both(|way| {
        let docker = Docker::on(way);
        docker.run(&["run", "-d", "--name", &name, "probe:1", "sleep", "1000"]).ok();
        let mut wait = docker.start(&["wait", &name]);
        docker.run(&["top", &name, "-o", "pid,comm"]).ok();
        assert!(!wait.has_ended(), "{} did not wait", way.name());
        docker.run(&["kill", &name]).ok();
        let all = wait.finish().all();
        docker.run(&["rm", &name]).ok();
        all
    });
}

#[test]
fn copies_both_ways() {
    let name = unique("cp");
    let directory = sandbox::directory("cp");
    let original = directory.join("original");
    fs::write(&original, noise(3 << 20)).unwrap();
    both(|way| {
        let docker = Docker::on(way);
        let copy = directory.join("copy");
        docker.run(&["create", "--name", &name, "probe:1", "true"]).ok();
        docker.run(&["cp", original.to_str().unwrap(), &format!("{name}:/w/f")]).ok();
        docker.run(&["cp", &format!("{name}:/w/f"), copy.to_str().unwrap()]).ok();
        assert_eq!(sha256(&copy), sha256(&original), "{}", way.name());
        let archive = docker.run(&["cp", &format!("{name}:/w"), "-"]);
        archive.ok();
        let errors = docker.run(&["cp", &format!("{name}:/none"), "-"]).fails(1);
        docker.run(&["rm", &name]).ok();
        // The container that was judged is reached by its identifier, which this engine repeats.
        (archive.stdout.len(), without_ids(&errors).replace(&name, "<id>"))
    });
}

#[test]
fn builds_with_the_classic_builder() {
    build("0", POLICY);
    build("0", &unread());
}

#[test]
fn builds_with_buildkit() {
    build("1", &unread());
    // From 25.0.2 on BuildKit can be held to these rules.
    if Daemon::shared().major() >= 26 {
        build("1", POLICY);
    }
}

/// What BuildKit does is not seen: it must be allowed.
fn unread() -> String {
    format!("{POLICY}  builds: allow\n")
}

#[test]
fn says_what_to_do_where_a_build_is_not_seen() {
    let directory = sandbox::directory("unseen");
    fs::write(directory.join("Dockerfile"), "FROM probe:1\n").unwrap();
    let docker = |arguments: &[&str], buildkit| {
        let secdocker = SecDocker::before(
            Daemon::shared(),
            &format!("{POLICY}limits: {{body: 1m}}\n{CEILING}"),
        );
        let mut command = Docker::on(&secdocker).command(&["build"]);
        command.args(arguments).arg(&directory).env("DOCKER_BUILDKIT", buildkit);
        let ran = process::run(&mut command, b"");
        assert!(!ran.status.success(), "{ran}");
        ran.to_string()
    };
    let said = docker(&[], "1");
    assert!(said.contains("DOCKER_BUILDKIT=0") && said.contains("builds: allow"), "{said}");
    fs::write(directory.join("content"), noise(2 << 20)).unwrap();
    let said = docker(&[], "0");
    assert!(said.contains("limits.body") && said.contains("builds: allow"), "{said}");
}

/// No steps of BuildKit's can be held to it, in any version.
const CEILING: &str = "general: {memory: 2g}\n";

/// A build with a context, steps, an argument and a stage; then the same with a failing step.
#[track_caller]
fn build(buildkit: &str, rules: &str) {
    let tag = unique("built");
    let directory = sandbox::directory("build");
    fs::write(directory.join("content"), noise(2 << 20)).unwrap();
    let dockerfile = "FROM probe:1 AS first\nARG WORD\nRUN echo $WORD >/word\n\
         FROM probe:1\nCOPY --from=first /word /word\nCOPY content /content\nRUN wc -c /content\n";
    fs::write(directory.join("Dockerfile"), dockerfile).unwrap();
    fs::write(directory.join("Failing"), "FROM probe:1\nRUN echo oh no; exit 17\n").unwrap();
    both_under(rules, |way| {
        let docker = Docker::on(way);
        let build = |arguments: &[&str]| {
            let mut command = docker.command(&["build", "--no-cache"]);
            command.args(arguments).arg(&directory).env("DOCKER_BUILDKIT", buildkit);
            // An option of the classic builder no longer, and a terminal is never there.
            command.env("BUILDKIT_PROGRESS", "plain");
            process::run(&mut command, b"")
        };
        build(&["--tag", &tag, "--build-arg", "WORD=hello"]).ok();
        let made = docker.run(&["run", "--rm", &tag, "sh", "-c", "cat /word; wc -c <content"]).ok();
        docker.run(&["rmi", &tag]).ok();
        let file = directory.join("Failing");
        let failed = build(&["--file", file.to_str().unwrap()]);
        assert!(!failed.status.success(), "{failed}");
        let said = format!("{}{}", failed.text(), String::from_utf8_lossy(&failed.stderr));
        assert!(said.contains("oh no") && said.contains("17"), "{failed}");
        (made, failed.status.code())
    });
}

/// More than 100 MiB each way, and nothing lost.
#[test]
fn moves_large_images() {
    let directory = sandbox::directory("large");
    fs::create_dir(directory.join("root")).unwrap();
    fs::write(directory.join("root/big"), noise(110 << 20)).unwrap();
    let archive = directory.join("root.tar");
    let mut tar = std::process::Command::new("tar");
    tar.arg("-C").arg(directory.join("root")).arg("-cf").arg(&archive).arg("big");
    process::run(&mut tar, b"").ok();
    let image = unique("large");
    let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (saved, exported) = (file("saved"), file("exported"));
    let through = secdocker();
    let (docker, straight) = (Docker::on(&through), Docker::on(Daemon::shared()));

    docker.run(&["import", archive.to_str().unwrap(), &image]).ok();
    docker.run(&["save", "--output", &saved, &image]).ok();
    straight.run(&["save", "--output", &file("straight"), &image]).ok();
    assert_eq!(contents(&saved), contents(&file("straight")), "save");
    fs::remove_file(directory.join("straight")).unwrap();

    let id = straight.run(&["image", "inspect", "--format", "{{.Id}}", &image]).ok();
    straight.run(&["rmi", &image]).ok();
    docker.run(&["load", "--input", &saved]).ok();
    let loaded = straight.run(&["image", "inspect", "--format", "{{.Id}}", &image]).ok();
    assert_eq!(loaded, id, "load");

    docker.run(&["create", "--name", &image, &image, "none"]).ok();
    docker.run(&["export", "--output", &exported, &image]).ok();
    straight.run(&["export", "--output", &file("straight"), &image]).ok();
    assert_eq!(sha256(Path::new(&exported)), sha256(&directory.join("straight")), "export");
    straight.run(&["rm", &image]).ok();
    straight.run(&["rmi", &image]).ok();
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn serves_many_commands_at_once() {
    let through = secdocker();
    let docker = Docker::on(&through);
    let name = unique("busy");
    docker.run(&["run", "-d", "--name", &name, "probe:1", "sleep", "1000"]).ok();
    let arguments = ["exec", &name, "echo", "done"];
    let running: Vec<Running> = (0..12).map(|_| docker.start(&arguments)).collect();
    for exec in running {
        assert_eq!(exec.finish().ok(), "done");
    }
    docker.run(&["rm", "-f", &name]).ok();
}

/// Bytes that don't compress, from the kernel.
fn noise(count: u64) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open("/dev/urandom").unwrap().take(count).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The names and contents of an archive: newer engines date what they save when they save it.
#[track_caller]
fn contents(archive: &str) -> String {
    let mut tar = std::process::Command::new("tar");
    tar.args(["--to-command", "echo $TAR_FILENAME $(sha256sum)", "-xf", archive]);
    process::run(&mut tar, b"").ok()
}

#[track_caller]
fn sha256(file: &Path) -> String {
    let sum = process::run(std::process::Command::new("sha256sum").arg(file), b"").ok();
    sum.split(' ').next().unwrap().to_owned()
}

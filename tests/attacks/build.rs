//! Builds: what a Dockerfile and a query may bring about on the host.

use super::attack::Outcome;
use super::images::{archive, entry};
use super::{Attack, Probe, Step};

const FORBIDDEN: &str = "FROM ubuntu:16.04\n";
const FORM: &str = "application/x-www-form-urlencoded";
/// How much of a body the engine has read ahead when it looks for a form in what is left.
const READ_AHEAD: usize = 4096;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        builds(
            "build on the host's network",
            "a step sees the host's devices",
            "networkmode=host",
            "FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n",
        )
        .works_when(Probe::Answers("docker0")),
        builds(
            "build on the host's network, and on none",
            "the first of several values counts",
            "networkmode=host&networkmode=none",
            "FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n",
        )
        .works_when(Probe::Answers("docker0")),
        Attack::new("build on the host's network by a form", "a form may follow the context")
            .send(Step::send_as(
                "POST",
                "/build?t=innocent:@name@&nocache=1",
                FORM,
                context_then_form("&networkmode=host"),
            ))
            .works_when(Probe::Answers("docker0")),
        Attack::new("build on the host's network by a form of another spelling", "Go folds in Unicode")
            .send(Step::send_as(
                "POST",
                "/build?t=innocent:@name@&nocache=1",
                "applİcation/x-www-form-urlencoded",
                context_then_form("&networkmode=host"),
            ))
            .works_when(Probe::Answers("docker0")),
        Attack::new("build on the host's network by its id", "an id is a name")
            .send(Step::send_as(
                "POST",
                "/build?t=innocent:@name@&nocache=1&networkmode=@host-network@",
                "application/x-tar",
                archive("Dockerfile", b"FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n"),
            ))
            .works_when(Probe::Answers("Successfully built"))
            .until(28),
        Attack::new("build into a forbidden name by a form", "a form may follow the context")
            .send(Step::send_as(
                "POST",
                "/build?nocache=1",
                FORM,
                context_then_form("&t=registry.example/team/app:@name@"),
            ))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        builds(
            "build in another's network",
            "a step joins it",
            "networkmode=container:@name@",
            "FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n",
        )
        .setup(Step::create(super::attack::host(serde_json::json!({"NetworkMode": "host"}))))
        .setup(Step::start())
        .works_when(Probe::Answers("docker0")),
        builds("build from a forbidden image", "plainly", "", "FROM ubuntu:16.04\n")
            .works_when(built()),
        builds(
            "build from a forbidden image among stages",
            "each FROM counts",
            "",
            "FROM ubuntu:16.04 AS a\nFROM probe:1\nCOPY --from=a /etc /y\n",
        )
        .works_when(built()),
        builds(
            "build that copies from a forbidden image",
            "a copy needs no stage",
            "",
            "FROM probe:1\nCOPY --from=ubuntu:16.04 /etc /y\n",
        )
        .works_when(built()),
        builds(
            "build from an image named by an argument",
            "arguments stand in FROM too",
            "buildargs=%7B%22A%22%3A%22ubuntu%3A16.04%22%7D",
            "ARG A=probe:1\nFROM $A\n",
        )
        .works_when(built()),
        builds(
            "build from an image in odd letters",
            "instructions have no case",
            "",
            "# a comment\n\n  fRoM \\\n  ubuntu:16.04\n",
        )
        .works_when(built()),
        builds(
            "build into a forbidden name",
            "plainly",
            "t=registry.example/team/app:@name@",
            "FROM probe:1\n",
        )
        .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        builds("build with a user", "an image brings its own", "", "FROM probe:1\nUSER root\n")
            .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds(
            "build with a variable",
            "an image brings its own",
            "",
            "FROM probe:1\nENV USER=0\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/Env", "USER=0")),
        builds(
            "build with a user in the end",
            "an allowed one comes before",
            "",
            "FROM probe:1\nUSER 1000\nLABEL a=b\nUSER root\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds(
            "build with a user from an argument in the end",
            "an allowed one comes before, and the request names another than the Dockerfile",
            "buildargs=%7B%22WHO%22%3A%22root%22%7D",
            "FROM scratch\nUSER 1000\nARG WHO=1000\nUSER ${WHO}\nLABEL a=b\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds(
            "build up to a stage with a user",
            "the query names the stage, which ends before the allowed user",
            "target=one",
            "FROM probe:1 AS one\nUSER root\nFROM one\nUSER 1000\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds(
            "build upon a stage with a user",
            "a stage that names nobody runs as the one below",
            "",
            "FROM probe:1 AS one\nUSER root\nFROM one\nLABEL a=b\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds(
            "build that leaves a user",
            "whoever builds upon it becomes that one, whatever this stage ends with",
            "",
            "FROM probe:1\nONBUILD USER root\nUSER 1000\n",
        )
        .works_when(built()),
        harmless(
            "build with a user in between",
            "steps need root, what was built does not",
            "FROM probe:1\nUSER root\nRUN [\"id\"]\nUSER 1000\n",
        )
        .works_when(Probe::Answers("uid=0")),
        // A rule about users is not one about steps: hardly any image could be built otherwise, and
        // what was built is judged when it runs. Whoever wants none as root forbids builds.
        harmless(
            "build with a step",
            "a step runs as the user of its image",
            "FROM probe:1\nRUN [\"id\"]\nENV A=$PATH B=$A\nUSER 1000\n",
        )
        .works_when(Probe::Answers("uid=0")),
        harmless(
            "build in stages",
            "later ones refer to earlier ones",
            "ARG A=probe:1\nFROM ${A} AS one\nFROM scratch\nCOPY --from=one /etc /x\nCOPY --from=0 /etc /y\n",
        )
        .works_when(built()),
        builds(
            "build in another control group",
            "the query names it",
            "cgroupparent=/elsewhere&nocache=1",
            "FROM probe:1\nRUN [\"cat\", \"/proc/self/cgroup\"]\n",
        )
        .works_when(Probe::Answers("/elsewhere/")),
        builds("build by BuildKit", "the other builder", "version=2", "FROM ubuntu:16.04\n")
            .works_when(built()),
        builds(
            "build from a forbidden image by another escape",
            "a directive changes what continues a line",
            "",
            "# escape=`\nFROM `\nubuntu:16.04\n",
        )
        .works_when(built()),
        builds(
            "build that leaves an instruction",
            "whoever builds upon it runs it",
            "",
            "FROM scratch\nONBUILD ENV USER=0\n",
        )
        .works_when(built()),
        builds(
            "build with a user from a variable of the image",
            "only the daemon knows it",
            "",
            "FROM probe:1\nARG WHO=root\nUSER ${WHO}\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds("build with no user at all", "nobody is root", "", "FROM probe:1\nUSER \"\"\n")
            .works_when(built()),
        builds_in(
            "build from a forbidden image in the last of two entries",
            "the later one replaces the earlier",
            "",
            archive_of(&[("Dockerfile", "", "FROM probe:1\n"), ("./Dockerfile", "", FORBIDDEN)]),
        )
        .works_when(built()),
        builds_in(
            "build from a forbidden image in lower case",
            "a missing Dockerfile is looked for",
            "",
            archive_of(&[("dockerfile", "", FORBIDDEN)]),
        )
        .works_when(built()),
        builds_in(
            "build from a forbidden image in another file",
            "the query names it",
            "dockerfile=a/../b",
            archive_of(&[("Dockerfile", "", "FROM probe:1\n"), ("b", "", FORBIDDEN)]),
        )
        .works_when(built()),
        builds_in(
            "build from a forbidden image behind a link",
            "links are followed",
            "",
            archive_of(&[("b", "", FORBIDDEN), ("Dockerfile", "b", "")]),
        )
        .works_when(built()),
        builds_in(
            "build from a forbidden image through a link",
            "entries are written through links",
            "",
            archive_of(&[
                ("Dockerfile", "", "FROM probe:1\n"),
                ("here", ".", ""),
                ("here/Dockerfile", "", FORBIDDEN),
            ]),
        )
        .works_when(built()),
        Attack::new("build of a remote context", "the Dockerfile never passes here")
            .send(Step::query("/build?t=innocent:@name@&remote=http://127.0.0.1:1/Dockerfile"))
            .works_when(Probe::Answers("127.0.0.1:1")),
    ]
}

fn builds(name: &'static str, why: &'static str, query: &str, dockerfile: &str) -> Attack {
    builds_in(name, why, query, archive("Dockerfile", dockerfile.as_bytes()))
}

fn builds_in(name: &'static str, why: &'static str, query: &str, context: Vec<u8>) -> Attack {
    let target = format!("/build?t=innocent:@name@&{query}");
    Attack::new(name, why).send(Step::send_as("POST", &target, "application/x-tar", context))
}

fn harmless(name: &'static str, why: &'static str, dockerfile: &str) -> Attack {
    Attack { outcome: Outcome::Passes, ..builds(name, why, "nocache=1", dockerfile) }
}

/// An archive with files and links: path, target of the link if it is one, content.
fn archive_of(entries: &[(&str, &str, &str)]) -> Vec<u8> {
    let entries = entries.iter().map(|(path, link, content)| entry(path, link, content.as_bytes()));
    [entries.collect::<Vec<_>>().concat(), vec![0; 1024]].concat()
}

fn built() -> Probe {
    Probe::found("/images/innocent:@name@/json")
}

/// A context as long as the engine's read-ahead, and a form behind it.
fn context_then_form(form: &str) -> Vec<u8> {
    let dockerfile = b"FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n";
    let mut body = archive("Dockerfile", dockerfile);
    body.resize(READ_AHEAD, 0);
    body.extend_from_slice(form.as_bytes());
    body
}

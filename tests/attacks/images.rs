//! The forbidden image by its id or by another name, names given to others, and images that bring
//! a user or an environment of their own.

use super::attack::with;
use super::{Attack, Probe, Step};
use serde_json::json;

pub(crate) fn attacks() -> Vec<Attack> {
    let mut all = by_id();
    all.extend(names());
    all.extend(contents());
    all.extend(pulls());
    all.extend(forms());
    all.extend(hosts());
    all.extend(losses());
    all
}

fn by_id() -> Vec<Attack> {
    let runs = |name, why, image: &str| {
        Attack::new(name, why)
            .create(with(json!({"Image": image})))
            .works_when(Probe::container_holds("/Image", "@image@"))
    };
    let tag = || Step::query("/images/ubuntu:16.04/tag?repo=innocent&tag=@name@");
    vec![
        runs("image by its digest", "an id is a name", "sha256:@image@"),
        runs("image by its id", "an id is a name", "@image@"),
        prefix("image by twelve letters of its id", 12, ""),
        prefix("image by five letters of its id", 5, ""),
        prefix("image by a part of its digest", 7, "sha256:"),
        runs("image by another tag", "a tag is another name of the same", "innocent:@name@")
            .setup(tag()),
        runs(
            "image by another tag of a registry",
            "a tag is another name of the same",
            "registry.example:5000/a/b:@name@",
        )
        .setup(Step::query("/images/ubuntu:16.04/tag?repo=registry.example:5000/a/b&tag=@name@")),
        Attack::new("image without a name", "an empty container can be filled afterwards")
            .create(json!({"Cmd": ["/x"], "User": "1000"}))
            .works_when(Probe::container(|it| it["Config"]["Image"] == "")),
        Attack::harmless("image by the id of an allowed one", "ids are looked up")
            .create(with(json!({"Image": "probe"})))
            .setup(Step::query("/images/probe:1/tag?repo=probe&tag=latest"))
            .works_when(Probe::exists()),
    ]
}

fn prefix(name: &'static str, letters: usize, before: &'static str) -> Attack {
    Attack::new(name, "any part that is unique is enough")
        .send(Step::create_by_prefix(before, letters))
        .works_when(Probe::container_holds("/Image", "@image@"))
}

fn names() -> Vec<Attack> {
    let form = "application/x-www-form-urlencoded";
    let container = || Step::create(with(json!({})));
    // The allowed image loses nothing; the forbidden name is given anew, or a new name to it.
    let gives = |name, why, target: &str| {
        Attack::new(name, why)
            .send(Step::query(target))
            .works_when(Probe::found("/images/innocent:@name@/json"))
    };
    vec![
        gives(
            "tag of a forbidden image",
            "it gets another name",
            "/images/ubuntu:16.04/tag?repo=innocent&tag=@name@",
        ),
        gives(
            "tag of a forbidden image by its full name",
            "it gets another name",
            "/images/docker.io/library/ubuntu:16.04/tag?repo=innocent&tag=@name@",
        ),
        gives(
            "tag of a forbidden image by its id",
            "it gets another name",
            "/images/@image@/tag?repo=innocent&tag=@name@",
        ),
        gives(
            "tag with its name in the repository",
            "a name may hold its tag",
            "/images/ubuntu:16.04/tag?repo=innocent:@name@",
        ),
        gives(
            "tag at an escaped path",
            "the decoded path is matched",
            "/images/ubuntu%3A16.04%2Ftag?repo=innocent&tag=@name@",
        ),
        Attack::new("tag by a form", "a form's fields come before the query's")
            .send(Step::send_as(
                "POST",
                "/images/probe:1/tag?repo=innocent&tag=1",
                form,
                "repo=registry.example/team/app&tag=@name@",
            ))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        Attack::new("tag into a forbidden name", "an allowed image gets it")
            .send(Step::query("/images/probe:1/tag?repo=registry.example/team/app&tag=@name@"))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        Attack::new("commit into a forbidden name", "a container becomes an image")
            .setup(container())
            .send(Step::query("/commit?container=@name@&repo=registry.example/team/app&tag=@name@"))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        Attack::new("commit into a forbidden name that holds its tag", "a name may hold its tag")
            .setup(container())
            .send(Step::query("/commit?container=@name@&repo=registry.example/team/app:@name@"))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        Attack::new("import into a forbidden name", "an archive becomes an image")
            .send(Step::send_as(
                "POST",
                "/images/create?fromSrc=-&repo=registry.example/team/app&tag=@name@",
                "application/x-tar",
                archive("x", b"x"),
            ))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        Attack::harmless("tag of an allowed image", "plainly")
            .send(Step::query("/images/probe:1/tag?repo=innocent&tag=@name@"))
            .works_when(Probe::found("/images/innocent:@name@/json")),
        Attack::harmless("inspecting a forbidden image", "looking is no running")
            .send(Step::Request {
                method: "GET",
                target: "/images/ubuntu:16.04/json".into(),
                headers: String::new(),
                body: Vec::new(),
            })
            .works_when(Probe::Answers("RepoTags")),
    ]
}

fn contents() -> Vec<Attack> {
    let container = || Step::create(with(json!({})));
    let commit = |name, why, changes: &str, body| {
        let target = format!("/commit?container=@name@&repo=innocent&tag=@name@{changes}");
        Attack::new(name, why).setup(container()).send(Step::post(&target, body))
    };
    let image = |pointer, text| Probe::holds("/images/innocent:@name@/json", pointer, text);
    vec![
        commit("commit with a user", "an image brings its own", "", json!({"User": "0"}))
            .works_when(image("/Config/User", "0")),
        commit(
            "commit with an instruction for the user",
            "changes are lines of a Dockerfile",
            "&changes=USER+root",
            json!({}),
        )
        .works_when(image("/Config/User", "root")),
        commit(
            "commit with a user on the second line",
            "a change may hold several lines",
            "&changes=LABEL+a%3Db%0AuSeR+root",
            json!({}),
        )
        .works_when(image("/Config/User", "root")),
        commit("commit with a variable", "an image brings its own", "", json!({"Env": ["USER=0"]}))
            .works_when(image("/Config/Env", "USER=0")),
        commit(
            "commit with an instruction for a variable",
            "changes are lines of a Dockerfile",
            "&changes=ENV+USER%3D0",
            json!({}),
        )
        .works_when(image("/Config/Env", "USER=0")),
        Attack::new("import with an instruction for the user", "changes are lines of a Dockerfile")
            .send(Step::send_as(
                "POST",
                "/images/create?fromSrc=-&repo=innocent&tag=@name@&changes=USER+0",
                "application/x-tar",
                archive("x", b"x"),
            ))
            .works_when(image("/Config/User", "0")),
        Attack::new("user of the image", "who asks for none gets the image's own")
            .setup(container())
            .setup(Step::post(
                "/commit?container=@name@&repo=innocent&tag=@name@",
                json!({"User": "0", "Cmd": ["id"]}),
            ))
            .send(Step::post(
                "/containers/create?name=@name@b",
                json!({"Image": "innocent:@name@"}),
            ))
            .works_when(Probe::holds("/containers/@name@b/json", "/Config/User", "0")),
        Attack::new("user of an image without one", "the default is 0")
            .create(json!({"Image": "probe:1", "Cmd": ["id"]}))
            .then(Step::start())
            .works_when(Probe::Prints("uid=0")),
        Attack::new("variable of the image", "who asks for none gets the image's own")
            .setup(container())
            .setup(Step::post(
                "/commit?container=@name@&repo=innocent&tag=@name@",
                json!({"Env": ["USER=0"]}),
            ))
            .send(Step::post(
                "/containers/create?name=@name@b",
                with(json!({"Image": "innocent:@name@"})),
            ))
            .works_when(Probe::holds("/containers/@name@b/json", "/Config/Env", "USER=0")),
    ]
}

/// Content types that are a form's to the engine, which trims and lower-cases by the rules of
/// Unicode.
fn forms() -> Vec<Attack> {
    let form = "application/x-www-form-urlencoded";
    let dotted = form.replace("lic", "lİc");
    let types = [
        ("a dotted capital in its type", dotted),
        ("a no-break space before its type", format!("\u{a0}{form}")),
        ("a wide space behind its type", format!("{form}\u{2003};x=y")),
        ("a next line behind its type", format!("{form}\u{85}")),
    ];
    let mut all = Vec::new();
    for (with, content_type) in types {
        let tag: &'static str = format!("tag by a form with {with}").leak();
        let pull: &'static str = format!("pull by a form with {with}").leak();
        let why = "Go trims and lower-cases a media type in Unicode";
        let target = "/images/probe:1/tag?repo=innocent&tag=1";
        let body = "repo=registry.example/team/app&tag=@name@";
        all.push(
            Attack::new(tag, why)
                .send(Step::send_as("POST", target, &content_type, body))
                .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        );
        let target = "/images/create?fromImage=probe&tag=1";
        let body = "fromImage=registry.example/team/app&tag=1";
        all.push(
            Attack::new(pull, why)
                .send(Step::send_as("POST", target, &content_type, body))
                .works_when(Probe::Answers("registry.example"))
                // The type is left out: it is no matter to an import, so the query alone counts.
                .only_tightened(),
        );
    }
    all.push(
        Attack::harmless("tag with a form that is empty", "it says nothing")
            .send(Step::send_as("POST", "/images/probe:1/tag?repo=innocent&tag=@name@", form, ""))
            .works_when(Probe::found("/images/innocent:@name@/json")),
    );
    all
}

/// The forbidden name is taken from the image, which is then used by another. It gets its name back
/// afterwards.
fn losses() -> Vec<Attack> {
    let tag = || Step::query("/images/ubuntu:16.04/tag?repo=innocent&tag=@name@");
    let removes = |target: &str| Step::Request {
        method: "DELETE",
        target: target.into(),
        headers: String::new(),
        body: Vec::new(),
    };
    let loads = |name: &str| {
        Step::send_as("POST", "/images/load?quiet=1", "application/x-tar", empty_image(name))
    };
    let uses = |attack: Attack| {
        attack
            .create(with(json!({"Image": "innocent:@name@"})))
            .then(Step::query("/images/innocent:@name@/tag?repo=ubuntu&tag=16.04"))
    };
    vec![
        uses(
            Attack::new("image whose name an archive takes", "a loaded name moves")
                .setup(tag())
                .send(loads("ubuntu:16.04")),
        )
        .only_tightened(),
        uses(
            Attack::new("image whose name is removed", "the other name stays")
                .setup(tag())
                .send(removes("/images/ubuntu:16.04")),
        ),
        uses(
            Attack::new("image whose name is removed in full", "the other name stays")
                .setup(tag())
                .send(removes("/v1.41/images/docker.io/library/ubuntu:16.04?force=1")),
        ),
        Attack::harmless("another name of a forbidden image removed", "it keeps its own")
            .setup(tag())
            .send(removes("/images/innocent:@name@"))
            .works_when(Probe::Answers("Untagged")),
        Attack::harmless("name of an allowed image removed", "plainly")
            .setup(Step::query("/images/probe:1/tag?repo=innocent&tag=@name@"))
            .send(removes("/images/innocent:@name@"))
            .works_when(Probe::Answers("Untagged")),
        Attack::harmless("archive with a name of its own", "plainly")
            .send(loads("innocent:1"))
            .works_when(Probe::Answers("innocent:1")),
        Attack::harmless("unused images pruned", "plainly")
            .send(Step::query("/images/prune"))
            .works_when(Probe::Answers("SpaceReclaimed")),
    ]
}

/// An archive with an image of this name that has no files.
fn empty_image(name: &str) -> Vec<u8> {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": []}});
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": []}]);
    let file =
        |path: &str, content: serde_json::Value| entry(path, "", content.to_string().as_bytes());
    [file("config.json", config), file("manifest.json", manifest), vec![0; 1024]].concat()
}

/// There is no registry here: that the engine tries to fetch the name shows that it was asked.
fn pulls() -> Vec<Attack> {
    let tries = |name, why, step| {
        Attack::new(name, why).send(step).works_when(Probe::Answers("registry.example"))
    };
    let query = |query: &str| Step::query(&format!("/images/create?{query}"));
    vec![
        tries(
            "pull of a forbidden prefix",
            "plainly",
            query("fromImage=registry.example/team/app&tag=1"),
        ),
        tries(
            "pull with its tag in the name",
            "a name may hold its tag",
            query("fromImage=registry.example/team/app:1"),
        ),
        tries(
            "pull of all tags",
            "without a tag all are meant",
            query("fromImage=registry.example/team/app"),
        ),
        tries(
            "pull by a digest",
            "a tag may be a digest",
            query(&format!("fromImage=registry.example/team/app&tag=sha256:{}", "0".repeat(64))),
        ),
        tries(
            "pull by a form",
            "a form's fields come before the query's",
            Step::send_as(
                "POST",
                "/images/create?fromImage=probe&tag=1",
                "application/x-www-form-urlencoded",
                "fromImage=registry.example/team/app&tag=1",
            ),
        ),
        tries(
            "pull with the field given twice",
            "the first counts",
            query("fromImage=registry.example/team/app&tag=1&fromImage=probe"),
        ),
        tries(
            "pull with an escaped field",
            "names are decoded",
            query("%66romImage=registry.example/team/app&tag=1"),
        ),
    ]
}

/// A tar archive with one file.
pub(crate) fn archive(path: &str, content: &[u8]) -> Vec<u8> {
    [entry(path, "", content), vec![0; 1024]].concat()
}

/// A file of a tar archive, or a symbolic link if it has a target.
pub(crate) fn entry(path: &str, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[148..156].fill(b' ');
    header[156] = if link.is_empty() { b'0' } else { b'2' };
    header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let padding = content.len().next_multiple_of(512) - content.len();
    [&header, content, &vec![0; padding]].concat()
}

/// A registry that is forbidden, by other spellings of its host.
fn hosts() -> Vec<Attack> {
    let tags = |name, repository: &str| {
        Attack::new(name, "the dialler reads it so")
            .send(Step::query(&format!("/images/probe:1/tag?repo={repository}&tag=@name@")))
            .works_when(Probe::found(&format!("/images/{repository}:@name@/json")))
    };
    vec![
        tags("registry by a port with a zero before it", "127.0.0.1:05055/team/app"),
        tags("registry by a short address", "127.1:5055/team/app"),
        tags("registry by an octal address", "0177.0.0.1:5055/team/app"),
        tags("registry by a hexadecimal address", "0x7f.1:5055/team/app"),
        tags("registry by an address of one number", "2130706433:5055/team/app"),
        tags("registry of this host by its name", "localhost:5055/team/app"),
        tags("registry by another address of this host", "127.0.0.2:05055/team/app"),
        tags("registry by its default port", "registry.example:0443/team/app"),
        tags("registry in capitals", "REGISTRY.example/team/app"),
        tags("Docker Hub by the host that serves it", "registry-1.docker.io:0443/hub-only/app"),
        tags("Docker Hub by an older host of it", "registry.hub.docker.com/hub-only/app"),
        Attack::harmless("registry at another port", "another registry")
            .send(Step::query("/images/probe:1/tag?repo=127.0.0.1:50550/team/app&tag=@name@"))
            .works_when(Probe::found("/images/127.0.0.1:50550/team/app:@name@/json")),
    ]
}

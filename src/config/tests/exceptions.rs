//! The list `exceptions`.

use super::*;

#[test]
fn exceptions_are_read_in_their_order() {
    let text = "exceptions:\n\
                - image: ghcr.io/team/backup:1\n  reason: FUSE\n  until: 2027-01-31\n  \
                capabilities: [cap_sys_admin]\n  devices: [/dev//fuse]\n  \
                mounts: [/proc, \"nas.lan:/export\"]\n\
                - image: agent\n  reason: all of it\n  privileged: true\n";
    let policy = settings(text).policy;
    let [backup, agent] = &policy.exceptions[..] else { panic!("{:?}", policy.exceptions) };
    assert_eq!((backup.image.as_str(), agent.image.as_str()), ("ghcr.io/team/backup:1", "agent"));
    assert_eq!((backup.image.has_host(), agent.image.has_host()), (true, false));
    assert_eq!(backup.until.map(|day| day.to_string()).as_deref(), Some("2027-01-31"));
    assert_eq!((backup.reason.as_str(), agent.until), ("FUSE", None));
    let words: Vec<_> = backup.lifts.words().collect();
    assert_eq!(
        words,
        ["capability SYS_ADMIN", "device /dev/fuse", "mount of /proc", "mount of nas.lan:/export"]
    );
    assert!(agent.lifts.privileged && settings("exceptions:\n").policy.exceptions.is_empty());
}

#[test]
fn what_is_wrong_with_an_exception_is_said_with_line_and_key() {
    check(&[
        (
            "exceptions:\n- reason: x\n  capabilities: [KILL]\n",
            &["2: exceptions[0]: `image` is missing: what is the exception for?"],
        ),
        (
            "exceptions:\n- image: a\n  capabilities: [KILL]\n- image: b\n  reason: ' '\n  users: [x]\n",
            &[
                "2: exceptions[0]: `reason` is missing: why is it excepted?",
                "4: exceptions[1]: `reason` is missing: why is it excepted?",
            ],
        ),
        (
            "exceptions:\n- image: a\n  reason: x\n",
            &["2: exceptions[0]: it lifts nothing: name a rule and the values that it lifts"],
        ),
        (
            "exceptions:\n- image: team/*\n  reason: x\n  until: 2027-02-30\n  privileged: true\n",
            &[
                "2: exceptions[0].image: `team/*` is not an image or a pattern of images",
                "4: exceptions[0].until: `2027-02-30` is not a day such as 2027-01-31",
            ],
        ),
        (
            "exceptions:\n- image: a\n  reason: x\n  devices: ['*']\n  mounts: [x]\n  users: [y]\n",
            &[
                "4: exceptions[0].devices: `*` is not a name, and not its beginning with * at the end",
                "5: exceptions[0].mounts: `x` is not an absolute path",
            ],
        ),
    ]);
    let unknown = mistakes("exceptions:\n- image: a\n  client: x\n");
    assert!(unknown.iter().any(|it| it.contains("unknown key `client`")), "{unknown:?}");
}

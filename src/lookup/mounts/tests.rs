#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;

const TABLE: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:20 / /proc rw - proc proc rw
23 21 8:1 /root /srv/x rw - ext4 /dev/sda1 rw
24 21 8:2 / /home rw - ext4 /dev/sda2 rw
25 21 8:2 /ci /srv/ci rw - ext4 /dev/sda2 rw
26 25 8:1 /etc /srv/ci/a\\040b rw - ext4 /dev/sda1 rw
27 21 0:4 net:[4026531840] /run/netns/x rw - nsfs nsfs rw
28 21 0:30 / /mnt rw - tmpfs tmpfs rw
";

fn aliases(mounts: &Mounts, path: &str) -> Option<Vec<HostPath>> {
    let path = HostPath::parse(path).unwrap();
    let slowly = mounts.aliases(&path, &mut Effort::of_one_round());
    let at_once = mounts.aliases(&path, &mut Effort::at_once());
    assert!(at_once.is_none() || at_once == slowly);
    slowly
}

/// As many lines as one short table has, all of one place: each path within would be compared with each.
#[test]
fn many_mounts_of_one_place_are_left_to_others() {
    let lines = (0..400).map(|number| format!("9 1 8:1 /a /v/{number} rw - ext4 d rw\n"));
    let mounts = Mounts::parse(&lines.collect::<String>());
    let mut effort = Effort::at_once();
    for path in ["/v", "/v/1", "/none"] {
        assert_eq!(mounts.aliases(&HostPath::parse(path).unwrap(), &mut effort), None, "{path}");
    }
    assert_eq!(aliases(&mounts, "/v/1").unwrap().len(), 399);
    // Where there is too much for anybody, nobody waits for the end of it.
    let lines = (0..3000).map(|number| format!("9 1 8:1 /a /v/{number} rw - ext4 d rw\n"));
    assert_eq!(aliases(&Mounts::parse(&lines.collect::<String>()), "/v"), None);
}

#[test]
fn file_systems_that_ask_others() {
    let mounts = Mounts::parse(&format!("{TABLE}29 21 0:31 / /far rw - 9p host rw\n"));
    let is_remote = |path| mounts.is_remote(&HostPath::parse(path).unwrap());
    assert!(!mounts.is_local() && is_remote("/far") && !is_remote("/mnt") && !is_remote("/x"));
    assert!(Mounts::parse(TABLE).is_local());
}

#[test]
fn other_paths_of_the_same_files() {
    let mounts = Mounts::parse(TABLE);
    for (path, expected) in [
        ("/srv/x", &["/root"][..]),
        ("/srv/x/.ssh", &["/root/.ssh"]),
        ("/root", &["/srv/x"]),
        ("/root/.ssh", &["/srv/x/.ssh"]),
        ("/etc/ssl", &["/srv/ci/a b/ssl"]),
        ("/srv/ci/z", &["/home/ci/z"]),
        // What is mounted below comes along.
        ("/srv/ci", &["/etc", "/home/ci", "/srv/ci/a b"]),
        ("/home", &["/srv/ci"]),
        ("/mnt/a", &[]),
        ("/var", &[]),
    ] {
        let aliases = aliases(&mounts, path).unwrap();
        let aliases: Vec<&str> = aliases.iter().map(HostPath::as_str).collect();
        assert_eq!(aliases, expected, "{path}");
    }
}

#[test]
fn the_last_mount_at_a_place_counts() {
    let text = format!("{TABLE}29 21 8:2 /secret /mnt rw - ext4 /dev/sda2 rw\n");
    let aliases = aliases(&Mounts::parse(&text), "/mnt").unwrap();
    assert!(aliases.contains(&HostPath::parse("/home/secret").unwrap()));
}

#[test]
fn this_host_has_a_table() {
    let (read, places) = (Mounts::read().unwrap(), |table: &Mounts| {
        table.iter().map(|mount| mount.at.clone()).collect::<Vec<_>>()
    });
    assert!(read.mounts.iter().any(|mount| mount.at.is_root()));
    let mut buffer = vec![0; 4 << 20];
    let text = Last::default().read_table(&mut buffer).unwrap().unwrap().to_vec();
    assert!((text.len() < SHORT_TABLE_BYTES_MAX) == Mounts::read_at_once().is_some());
    assert_eq!(places(&Mounts::parse(str::from_utf8(&text).unwrap())), places(&read));
}

#[test]
fn a_table_that_is_long_is_left_to_others() {
    assert_eq!(Last::default().read_table(&mut [0; 8]), Some(None));
    LAST.with_borrow_mut(|last| last.left_out = TRIES_LEFT_OUT);
    for _ in 0..TRIES_LEFT_OUT {
        assert!(Mounts::read_at_once().is_none());
    }
    assert_eq!(LAST.with_borrow(|last| last.left_out), 0);
}

#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use super::*;
use crate::http::target;

const CREATE: Route = Route::Inspected(Endpoint::ContainerCreate);

#[test]
fn plain_paths_are_what_the_daemon_takes_them_for() {
    for (method, path, expected) in [
        ("POST", "/containers/create", CREATE),
        ("POST", "/v1.41/containers/create", CREATE),
        ("POST", "/v1/containers/create", CREATE),
        ("POST", "/v9.9.9../containers/create", CREATE),
        ("post", "/containers/create", CREATE),
        ("GET", "/containers/create", Route::Plain),
        ("POST", "/containers/create/", Route::Plain),
        ("POST", "/Containers/Create", Route::Plain),
        ("POST", "/v/containers/create", Route::Plain),
        ("POST", "/vx/containers/create", Route::Plain),
        ("POST", "/v1.41", Route::Plain),
        ("POST", "/v1.41containers/create", Route::Plain),
        ("POST", "/v1.41/v1.41/containers/create", Route::Plain),
        ("POST", "/volumes/create", Route::Inspected(Endpoint::VolumeCreate)),
        ("POST", "/v1.41/images/create", Route::Inspected(Endpoint::ImageCreate)),
        ("POST", "/images/a/b:1/tag", Route::Inspected(Endpoint::ImageTag)),
        ("POST", "/images/create/tag", Route::Inspected(Endpoint::ImageTag)),
        ("POST", "/images/tag", Route::Plain),
        ("GET", "/images/a/tag", Route::Plain),
        ("POST", "/commit", Route::Inspected(Endpoint::Commit)),
        ("POST", "/services/create", Route::Inspected(Endpoint::ServiceCreate)),
        ("POST", "/v1.24/services/create", Route::Inspected(Endpoint::ServiceCreate)),
        ("POST", "/services/a/update", Route::Inspected(Endpoint::ServiceUpdate)),
        ("POST", "/v1.41/services/create/update", Route::Inspected(Endpoint::ServiceUpdate)),
        ("GET", "/services/create", Route::Plain),
        ("POST", "/services/update", Route::Plain),
        ("DELETE", "/services/a", Route::Plain),
        ("POST", "/containers/create/attach", Route::Inspected(Endpoint::ContainerAttach)),
        ("POST", "/v1.41/containers/a/b/attach", Route::Inspected(Endpoint::ContainerAttach)),
        ("GET", "/containers/a/archive", Route::Inspected(Endpoint::ContainerArchive)),
        ("HEAD", "/v1.41/containers/a/archive", Route::Inspected(Endpoint::ContainerArchive)),
        ("PUT", "/containers/a/b/archive", Route::Inspected(Endpoint::ContainerArchive)),
        ("POST", "/containers/a/copy", Route::Inspected(Endpoint::ContainerArchive)),
        ("POST", "/containers/a/archive", Route::Plain),
        ("GET", "/containers/a/export", Route::Plain),
        ("POST", "/containers/a/rename", Route::Inspected(Endpoint::ContainerRename)),
        ("POST", "/configs/create", Route::Inspected(Endpoint::ConfigCreate)),
        ("POST", "/containers/attach", Route::Plain),
        ("POST", "/containers/a/attach/ws", Route::Plain),
        ("GET", "/containers/a/attach/ws", Route::Inspected(Endpoint::ContainerAttach)),
        ("HEAD", "/containers/a/attach/ws", Route::Plain),
        ("GET", "/containers/a/attach", Route::Plain),
        ("POST", "/exec/a/start", Route::MaySwitch),
        ("POST", "/containers/a/start", Route::Inspected(Endpoint::ContainerStart)),
        ("POST", "/v1.23/containers/a/b/start", Route::Inspected(Endpoint::ContainerStart)),
        ("POST", "/containers/a/restart", Route::Inspected(Endpoint::ContainerRestart)),
        ("POST", "/containers/a/exec", Route::Inspected(Endpoint::ContainerExec)),
        ("POST", "/containers/a/exec/start", Route::Inspected(Endpoint::ContainerStart)),
        ("POST", "/containers/a/update", Route::Inspected(Endpoint::ContainerUpdate)),
        ("GET", "/services/a", Route::Plain),
        ("POST", "/session", Route::Inspected(Endpoint::Session)),
        ("POST", "/v1.41/grpc", Route::Inspected(Endpoint::BuildKit)),
        ("POST", "/v1.24/build", Route::Inspected(Endpoint::Build)),
        ("POST", "/build/prune", Route::Plain),
        ("POST", "/secrets/create", Route::Inspected(Endpoint::SecretCreate)),
        ("POST", "/swarm/init", Route::Inspected(Endpoint::SwarmInit)),
        ("POST", "/swarm/join", Route::Inspected(Endpoint::SwarmJoin)),
        ("POST", "/swarm/update", Route::Inspected(Endpoint::SwarmUpdate)),
        ("POST", "/v1.41/swarm/unlock", Route::Inspected(Endpoint::SwarmUnlock)),
        ("GET", "/swarm/unlockkey", Route::Inspected(Endpoint::SwarmUnlockKey)),
        ("POST", "/nodes/a/update", Route::Inspected(Endpoint::NodeUpdate)),
        ("GET", "/swarm", Route::Plain),
        ("POST", "/images/load", Route::Inspected(Endpoint::ImageLoad)),
        ("POST", "/swarm/leave", Route::Plain),
        ("POST", "/networks/create", Route::Inspected(Endpoint::NetworkCreate)),
        ("POST", "/networks/a/b/connect", Route::Inspected(Endpoint::NetworkConnect)),
        ("POST", "/networks/a/disconnect", Route::Plain),
        ("POST", "/containers/a/checkpoints", Route::Inspected(Endpoint::CheckpointCreate)),
        ("GET", "/containers/a/b/checkpoints", Route::Inspected(Endpoint::Checkpoints)),
        ("DELETE", "/containers/a/checkpoints/b", Route::Inspected(Endpoint::Checkpoints)),
        ("DELETE", "/containers/a", Route::Plain),
        ("GET", "/containers/a/json", Route::Plain),
        ("POST", "/plugins/create", Route::Inspected(Endpoint::Plugin)),
        ("POST", "/v1.41/plugins/pull", Route::Inspected(Endpoint::Plugin)),
        ("POST", "/plugins/a/b:c/enable", Route::Inspected(Endpoint::Plugin)),
        ("POST", "/plugins/pull/set", Route::Inspected(Endpoint::Plugin)),
        ("POST", "/plugins/a/disable", Route::Plain),
        ("DELETE", "/plugins/a", Route::Plain),
        ("POST", "/build/cancel", Route::Plain),
        ("POST", "/grpc/x", Route::Plain),
        ("GET", "/_ping", Route::Plain),
        ("POST", "", Route::Plain),
        ("OPTIONS", "*", Route::Plain),
    ] {
        assert_eq!(route(method, path), expected, "{method} {path}");
    }
}

#[test]
fn what_may_change_images() {
    let changes = |method, path| changes_images(method, &target::parse(path).unwrap());
    for (method, path) in [
        ("POST", "/images/a/tag?repo=b"),
        ("POST", "/v1.41/images/create?fromImage=a"),
        ("post", "/images/load"),
        ("POST", "/images/prune"),
        ("DELETE", "/images/a"),
        ("POST", "/build?t=a"),
        ("POST", "/commit?container=a"),
        ("POST", "/v1.41/grpc"),
        ("POST", "/session"),
        ("POST", "/x/../images/load"),
    ] {
        assert!(changes(method, path), "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/images/json"),
        ("HEAD", "/images/a/get"),
        ("POST", "/containers/create"),
        ("POST", "/containers/images/start"),
        ("DELETE", "/containers/a"),
    ] {
        assert!(!changes(method, path), "{method} {path}");
    }
}

#[test]
fn what_may_change_volumes_and_networks() {
    let changes = |method, path| changes_volumes(method, &target::parse(path).unwrap());
    for (method, path) in [
        ("DELETE", "/volumes/a"),
        ("delete", "/v1.41/volumes/a?force=1"),
        ("POST", "/volumes/create"),
        ("PUT", "/volumes/a"),
        ("POST", "/volumes/prune"),
        ("POST", "/networks/create"),
        ("DELETE", "/v1.41/networks/a"),
        ("POST", "/containers/prune"),
        ("DELETE", "/containers/a?v=1"),
        ("DELETE", "/v1.41/containers/a?force=1&%76=true"),
        ("POST", "/v4.0.0/libpod/volumes/prune"),
        ("POST", "/swarm/leave"),
        ("POST", "/x/../volumes/prune"),
    ] {
        assert!(changes(method, path), "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/volumes/a"),
        ("HEAD", "/networks/a"),
        ("POST", "/containers/create?name=v"),
        ("POST", "/containers/a/start"),
        ("DELETE", "/containers/a?force=1"),
        ("DELETE", "/images/a"),
        ("POST", "/build"),
    ] {
        assert!(!changes(method, path), "{method} {path}");
    }
}

#[test]
fn odd_paths_that_could_be_inspected_are_refused() {
    for path in [
        "//containers/create",
        "/containers//create",
        "/containers/./create",
        "/x/../containers/create",
        "/containers/x/../create",
        "/containers/create#x",
        "/containers/create\0",
        "/containers\\create",
        "/containers/%63reate",
        "/containers/%2563reate",
        "/containers/%252563reate",
        "/%25252525252525",
        "/CONTAINERS/create/.",
        "/v1.41/%zz/containers/create",
        "/containers/create?name=x",
        "/services//create",
        "/services/a%2Fb/../update",
    ] {
        assert!(refuse_if_inspected("POST", path).is_err(), "{path}");
        assert!(refuse_if_inspected("Post", path).is_err(), "{path}");
        assert!(refuse_if_inspected("PATCH", path).is_ok(), "{path}");
    }
    for path in ["//networks/prune", "/create/../containers", "/images/a%25b/push", "//"] {
        assert!(refuse_if_inspected("POST", path).is_ok(), "{path}");
    }
}

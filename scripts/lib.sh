# Shared by the scripts that start a Docker engine; to be sourced by bash.

# Mounts the control groups where nobody has, as on a machine without systemd: version 1 where the
# kernel still has it, else version 2.
mount_cgroups() {
    grep -qE '^[^ ]+ /sys/fs/cgroup[^ ]* cgroup2? ' /proc/mounts && return
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    local controller mounted=
    for controller in cpuset cpu cpuacct blkio memory devices freezer pids; do
        mkdir "/sys/fs/cgroup/$controller"
        if mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" 2>/dev/null; then
            mounted=yes
        else
            rmdir "/sys/fs/cgroup/$controller"
        fi
    done
    [ -n "$mounted" ] && return
    umount /sys/fs/cgroup
    mount -t cgroup2 cgroup /sys/fs/cgroup
}

# Keeps an engine in mounts of its own from this machine's settings for engines, and from leaving its
# key there.
hide_engine_settings() {
    mkdir -p /etc/docker
    mount -t tmpfs -o mode=755 tmpfs /etc/docker
}

# Where the programs of the engine of a Debian suite are: one root for all of this machine's checkouts,
# since it costs minutes and hundreds of megabytes.
engine_root() {
    echo "${SECDOCKER_ENGINES:-/var/cache/secdocker/engines}/${1%-containerd}"
}

# In mounts of one's own: lays the programs of that root over this machine's, so that `dockerd`,
# `docker` and what they call are that suite's, while all other files are seen as ever. No file system
# root changes, so neither containers nor `docker exec` can miss theirs.
use_engine_root() {
    local root=$1
    if [ ! -x "$root/usr/sbin/dockerd" ]; then
        echo "error: no engine at $root: scripts/engine-root ${root##*/} makes it" >&2
        return 1
    fi
    if [ ! -L /lib ] || [ ! -L /bin ] || [ ! -L /sbin ]; then
        echo "error: /bin, /sbin and /lib of this machine are not links into /usr" >&2
        return 1
    fi
    # Rust may be installed there, and the sources may lie there.
    mount --rbind /usr/local "$root/usr/local"
    mount --rbind "$root/usr" /usr
    mount --bind "$root/etc/ld.so.cache" /etc/ld.so.cache
    hash -r
}

# A root file system of busybox alone, as a tar archive on standard output.
busybox_archive() {
    local root
    root=$(mktemp -d)
    mkdir -p "$root"/{bin,etc,home,proc,root,sys,tmp,var,w}
    chmod 1777 "$root/tmp"
    cp /bin/busybox "$root/bin/busybox"
    /bin/busybox --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\napp:x:1000:\n' >"$root/etc/group"
    echo "${1:-busybox}" >"$root/who"
    tar -C "$root" --owner=0 --group=0 -c .
    rm -rf "$root"
}

# Which LLVM the compiler was made with: its first number.
llvm_version() { rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p'; }

# The folder of the programs that read what instrumented programs count: rustup's, or Debian's of the same LLVM.
llvm_tools() {
    local folder
    for folder in "$(rustc --print target-libdir)/../bin" "/usr/lib/llvm-$(llvm_version)/bin"; do
        [ ! -x "$folder/llvm-cov" ] || [ ! -x "$folder/llvm-profdata" ] || {
            echo "$folder"
            return
        }
    done
    return 1
}

# A Debian package once more in another folder, as a later version whose configuration has another line.
later_package() {
    local package=$1 folder=$2 tree
    tree=$(mktemp -d)
    dpkg-deb -R "$package" "$tree/package"
    sed -i 's/^Version: .*/Version: 999-1/' "$tree/package/DEBIAN/control"
    if [ -f "$tree/package/etc/secdocker/config.yml" ]; then
        echo '# of a later version' >>"$tree/package/etc/secdocker/config.yml"
    fi
    dpkg-deb --root-owner-group -b "$tree/package" "$folder/$(basename "$package")" >/dev/null
    rm -rf "$tree"
}

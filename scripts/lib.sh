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

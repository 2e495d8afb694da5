//! What stands in generated bodies, as it is written there.

/// What else than the listed values a field may be given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Else {
    Anything,
    /// Unknown drivers are looked for, for many seconds.
    Nothing,
}

/// Names of no field.
pub(crate) const KEYS: &[&str] = &[
    "\"Unknown\"",
    "\"unknown\"",
    "\"\"",
    "\"Host Config\"",
    "\"HostConfig.Privileged\"",
    "\"\\u0000\"",
    "\"$serde_json::private::Number\"",
    "\"Config\"",
    "\"ID\"",
    "\"\\ud83d\\ude00\"",
];
/// What makes a field's name another one.
pub(crate) const TAILS: &[&str] = &[" ", "\\u0000", "\u{301}", "s", ".", "\\t"];
pub(crate) const MAP_KEYS: &[&str] =
    &["\"a\"", "\"A\"", "\"a\"", "\"80/tcp\"", "\"\"", "\"ſ\"", "\"a=b\"", "\"\\u0041\"", "\"/x\""];
pub(crate) const TEXTS: &[&str] = &[
    "\"\"",
    "\"a\"",
    "\"x y\"",
    "\"\\u0061\"",
    "\"a\\\"b\\\\c\\/\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"é ſ \u{212A}\"",
    "\"a=b\"",
    "\"/x\"",
    "\"0\"",
    "\"\\n\"",
    "null",
    "\"<&>\\u2028\"",
    "\"\\u007f\u{7f}\"",
    "\"{{.}}\"",
    "\"\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00x\"",
];
pub(crate) const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "-0",
    "100",
    "4194304",
    "6291456",
    "1073741824",
    "2147483648",
    "4294967295",
    "4294967296",
    "65535",
    "65536",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1.0",
    "1e3",
    "1E+2",
    "0.5",
    "null",
    "123456789012345678901234567890",
];
pub(crate) const WRONG: &[&str] = &[
    "null",
    "true",
    "false",
    "1",
    "\"x\"",
    "[]",
    "{}",
    "1.5",
    "[null]",
    "[[]]",
    "{\"a\":1}",
    "[1]",
    "{\"a\":{}}",
    "\"true\"",
    "\"1\"",
    "[\"x\"]",
    "-1",
];
pub(crate) const BEFORE: &[&[u8]] =
    &[b"\xef\xbb\xbf", b"\xfe\xff", b"\x0b", b"\0", b"//x\n", b"null"];
pub(crate) const BEHIND: &[&[u8]] = &[
    b"{}",
    b"x",
    b"\0",
    b" \n",
    b",",
    b"}",
    b"{\"HostConfig\":{\"Privileged\":true}}",
    b"\xff",
    b"null",
];
pub(crate) const INSTEAD: &[&str] =
    &["", "null", "[]", "{}", "\"x\"", "1", " ", "[{}]", "{\"\":{}}"];

/// Values that the engine makes something of, for a field of this name wherever it stands.
pub(crate) fn of(name: &str) -> Option<(&'static [&'static str], Else)> {
    let drivers = |values| Some((values, Else::Nothing));
    if let "Driver" | "VolumeDriver" | "DriverConfig" | "LogConfig" | "IPAM" | "LogDriver" = name {
        return drivers(driver(name));
    }
    let values = host_config(name).or_else(|| config(name)).or_else(|| others(name))?;
    Some((values, Else::Anything))
}

fn driver(name: &str) -> &'static [&'static str] {
    match name {
        "VolumeDriver" => &["\"local\"", "\"\"", "null", "1"],
        "DriverConfig" => &[
            "{\"Name\":\"local\"}",
            "{}",
            "null",
            "{\"name\":\"local\",\"OPTIONS\":{}}",
            "{\"Name\":\"local\",\"Options\":{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1m\"}}",
            "{\"Options\":{\"Type\":\"none\"}}",
            "{\"Options\":{\"a\":null}}",
        ],
        "LogConfig" => &[
            "{\"Type\":\"json-file\"}",
            "{\"type\":\"none\"}",
            "{\"Type\":\"\"}",
            "null",
            "{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"1m\"}}",
            "{\"Config\":null}",
            "{\"Type\":\"json-file\",\"config\":{\"Max-size\":\"1m\"}}",
            "{\"Type\":1}",
        ],
        "IPAM" => &[
            "null",
            "{}",
            "{\"Driver\":\"default\"}",
            "{\"Config\":[{\"Subnet\":\"10.9.0.0/24\"}]}",
            "{\"config\":[{\"subnet\":\"10.9.0.0/24\",\"Gateway\":\"10.9.0.7\"}]}",
            "{\"Config\":[{}]}",
            "{\"Config\":[{\"Subnet\":\"x\"}]}",
            "{\"Config\":{}}",
            "{\"Options\":{\"a\":\"b\"}}",
        ],
        "LogDriver" => {
            &["null", "{\"Name\":\"json-file\"}", "{\"name\":\"none\",\"Options\":null}"]
        }
        _ => &["\"\"", "null", "1"],
    }
}

fn host_config(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "NetworkMode" => &["\"default\"", "\"host\"", "\"none\"", "\"bridge\"", "\"Host\"", "\"\""],
        "IpcMode" => &["\"host\"", "\"private\"", "\"shareable\"", "\"none\"", "\"\"", "\"HOST\""],
        "PidMode" | "UTSMode" | "UsernsMode" => &["\"host\"", "\"\"", "\"Host\"", "null"],
        "CgroupnsMode" => &["\"host\"", "\"private\"", "\"\"", "\"Host\""],
        "Cgroup" | "Isolation" => &["\"\"", "\"default\"", "\"x\"", "null"],
        "Binds" => &[
            "[\"/tmp:/x\"]",
            "[\"v:/x:ro\"]",
            "[\"/tmp:/x\",\"/tmp//:/y:ro,z\"]",
            "[null]",
            "[\"x\"]",
            "[\"/tmp:/x:rshared\"]",
            "null",
            "[\"/tmp:/x:nocopy\"]",
            "[\"..:/x\"]",
            "[\"/tmp/../tmp:/x\"]",
        ],
        "Memory" | "MemorySwap" | "MemoryReservation" | "KernelMemory" => {
            &["0", "6291456", "1073741824", "-1", "4194304", "2147483648", "null", "-0"]
        }
        "NanoCpus" => &["0", "500000000", "1000000000", "-1", "1"],
        "CpuQuota" => &["0", "50000", "-1", "999", "25000"],
        "CpuPeriod" => &["0", "100000", "1000", "999", "50000"],
        "CpuShares" => &["0", "1024", "2", "-1", "262145"],
        "CpusetCpus" | "CpusetMems" | "Cpuset" => &["\"\"", "\"0\"", "\"0-0\"", "\"x\"", "null"],
        "MemorySwappiness" => &["null", "0", "-1", "60", "101"],
        "PidsLimit" => &["null", "0", "-1", "100"],
        "ShmSize" => &["0", "67108864", "-1", "1"],
        "OomScoreAdj" => &["0", "500", "1001", "-1000"],
        "RestartPolicy" => &[
            "{\"Name\":\"always\"}",
            "{\"name\":\"on-failure\",\"MaximumRetryCount\":3}",
            "{}",
            "null",
            "{\"Name\":\"no\"}",
            "{\"Name\":\"always\",\"maximumretrycount\":1}",
        ],
        "CapAdd" | "CapDrop" => &[
            "[\"NET_ADMIN\"]",
            "\"sys_admin\"",
            "[\"ALL\",\"cap_chown\"]",
            "[]",
            "null",
            "\"\"",
            "[null]",
            "[\"X\"]",
            "\"ALL\"",
        ],
        "SecurityOpt" => &[
            "[\"no-new-privileges\"]",
            "[\"seccomp=unconfined\"]",
            "[\"label:disable\"]",
            "null",
            "[]",
            "[\"seccomp=unconfined\",\"seccomp=\"]",
            "[\"x=y\"]",
            "[\"apparmor=unconfined\"]",
        ],
        "PortBindings" => &[
            "{\"80/tcp\":[{\"HostPort\":\"08080\"}]}",
            "{\"80\":[{\"hostport\":\"81-83\"}]}",
            "{}",
            "{\"80/TCP\":[{}]}",
            "{\"80/tcp\":null}",
            "{\"x\":[{}]}",
            "{\"80/tcp\":[{\"HostIp\":\"::\"}]}",
            "{\"80/tcp\":[],\"80/TCP\":[{\"HostPort\":\"1\"}]}",
            "{\"80-82/udp\":[{\"HostPort\":\"\"}]}",
        ],
        "Mounts" => &[
            "[{\"Type\":\"bind\",\"Source\":\"/tmp\",\"Target\":\"/x\"}]",
            "[{\"type\":\"volume\",\"source\":\"v\",\"TARGET\":\"/x\",\"readonly\":true}]",
            "[{\"Type\":\"tmpfs\",\"Target\":\"/x\",\"TmpfsOptions\":{\"SizeBytes\":4096,\"mode\":448}}]",
            "[{\"Type\":\"Bind\",\"Source\":\"/tmp\",\"Target\":\"/x\"}]",
            "[{}]",
            "[null]",
            "[]",
            "null",
            "[{\"Type\":\"volume\",\"Target\":\"/x\",\"VolumeOptions\":{\"nocopy\":true,\"Labels\":{\"a\":\"b\"}}}]",
            "[{\"Type\":\"bind\",\"Source\":\"/tmp\",\"Target\":\"/x\",\"BindOptions\":{\"Propagation\":\"rshared\"}}]",
            "[{\"Type\":\"npipe\",\"Source\":\"/tmp\",\"Target\":\"/x\"}]",
        ],
        "Devices" => &[
            "[{\"PathOnHost\":\"/dev/null\",\"PathInContainer\":\"/dev/x\",\"CgroupPermissions\":\"rwm\"}]",
            "[{\"pathonhost\":\"/dev/null\"}]",
            "[]",
            "[null]",
        ],
        "Tmpfs" => {
            &["{\"/x\":\"\"}", "{\"/x\":\"size=1m\"}", "{\"x\":\"\"}", "{\"/x\":null}", "null"]
        }
        "Sysctls" => &["{\"net.ipv4.ip_forward\":\"1\"}", "{\"a\":\"b\"}", "{}", "null"],
        "MaskedPaths" | "ReadonlyPaths" => &["[]", "null", "[\"/proc/kcore\"]", "[null]"],
        "Ulimits" => {
            &["[{\"Name\":\"nofile\",\"Hard\":10,\"Soft\":5}]", "[]", "[{\"name\":\"x\"}]", "null"]
        }
        "Runtime" => &["\"runc\"", "\"\"", "null", "\"Runc\""],
        "CgroupParent" => &["\"\"", "\"/x\"", "\"x\"", "null"],
        "Links" | "VolumesFrom" => &["[]", "null", "[\"\"]", "[\"nosuch\"]"],
        "Dns" => &["[\"1.1.1.1\"]", "[]", "[\"x\"]", "null"],
        "GroupAdd" => &["[\"0\"]", "[\"users\",null]", "[]", "null"],
        "ConsoleSize" => &["[0,0]", "[1]", "[1,2,3]", "null", "[-1,0]"],
        "Init" => &["true", "false", "null"],
        _ => return None,
    })
}

fn config(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "HostConfig" => return None,
        "Image" => &["\"probe:1\"", "\"probe\"", "\"docker.io/library/probe:1\"", "\"\"", "null"],
        "User" => &["\"\"", "\"0\"", "\"root\"", "\"1000:0\"", "null", "\"+0\""],
        "Env" => {
            &["[\"A=1\"]", "[\"A=1\",\"A=2\",\"B\"]", "[null]", "[\"\"]", "[\"=x\"]", "null", "[]"]
        }
        "Cmd" | "Entrypoint" | "Shell" | "Command" | "Args" => {
            &["[\"true\"]", "\"true\"", "[]", "null", "\"\"", "[null]", "[\"a\",\"\\u0000\"]"]
        }
        "ExposedPorts" => {
            &["{\"80/tcp\":{}}", "{\"80\":null}", "{\"x\":{}}", "null", "{\"80/tcp\":{\"a\":1}}"]
        }
        "Volumes" => &["{\"/x\":{}}", "{\"/x\":null,\"/y\":{}}", "{}", "null", "{\"x\":{}}"],
        "WorkingDir" | "Dir" => &["\"/x\"", "\"\"", "\"x\"", "\"/x/../y\""],
        "Hostname" => &["\"h\"", "\"\"", "null", "\"h.x\""],
        "StopSignal" => &["\"SIGTERM\"", "\"9\"", "\"X\"", "\"\""],
        "Healthcheck" => &[
            "{\"Test\":[\"CMD\",\"x\"]}",
            "{\"test\":[\"NONE\"]}",
            "{\"Interval\":1000000}",
            "null",
            "{\"Interval\":1}",
            "{\"Test\":[],\"Retries\":-1}",
        ],
        "NetworkingConfig" => &[
            "{\"EndpointsConfig\":{\"bridge\":{}}}",
            "{\"endpointsconfig\":{\"bridge\":null}}",
            "{}",
            "null",
            "{\"EndpointsConfig\":{\"bridge\":{\"Aliases\":[\"a\"]}}}",
            "{\"EndpointsConfig\":{\"none\":{\"IPAMConfig\":{\"ipv4address\":\"1.2.3.4\"}}}}",
            "{\"EndpointsConfig\":{\"bridge\":{},\"host\":{}}}",
        ],
        "Labels" => &[
            "{\"a\":\"b\"}",
            "{\"a\":\"b\",\"A\":\"c\"}",
            "{\"a\":null}",
            "{\"a\":\"1\",\"a\":\"2\"}",
            "null",
        ],
        "MacAddress" => &["\"02:42:ac:11:00:02\"", "\"\"", "\"x\""],
        _ => return None,
    })
}

fn others(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "DriverOpts" => &[
            "{}",
            "{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1m\"}",
            "{\"type\":\"none\"}",
            "{\"o\":\"bind\",\"device\":\"/tmp\"}",
            "{\"Type\":\"x\"}",
            "{\"size\":\"1\"}",
            "null",
            "{\"o\":null}",
        ],
        "ClusterVolumeSpec" => &["null"],
        "Options" => {
            &["{\"com.docker.network.bridge.enable_icc\":\"false\"}", "{}", "null", "{\"a\":null}"]
        }
        "Name" => &["\"one\"", "\"\"", "\"a b\"", "null", "\"One_2.3-\""],
        "ConfigFrom" => &["null", "{}", "{\"Network\":\"\"}"],
        "Scope" => &["\"local\"", "\"\"", "\"swarm\"", "null"],
        "DetachKeys" => &["\"\"", "\"ctrl-a\"", "\"x y\""],
        "Mode" => &["{\"Replicated\":{\"Replicas\":0}}", "{\"replicated\":{}}", "null"],
        "Networks" => &["[]", "null", "[{\"Target\":\"none\"}]"],
        "TTY" | "Tty" => &["true", "false"],
        "MemoryBytes" => &["0", "6291456", "-1", "1073741824"],
        "NanoCPUs" => &["0", "500000000", "1", "1000000"],
        "EndpointSpec" => &[
            "{}",
            "null",
            "{\"Ports\":[{\"TargetPort\":80,\"PublishedPort\":8080}]}",
            "{\"Mode\":\"dnsrr\"}",
        ],
        "Sysctl" => &["{}"],
        "Privileges" => {
            &["null", "{}", "{\"SELinuxContext\":{\"disable\":true}}", "{\"CredentialSpec\":null}"]
        }
        "CapabilityAdd" | "CapabilityDrop" => {
            &["[\"CAP_CHOWN\"]", "null", "[\"ALL\"]", "[\"net_admin\"]"]
        }
        "Runtime" => &["\"container\"", "\"\"", "null"],
        "Condition" => &["\"none\"", "\"any\"", "\"on-failure\"", "\"None\"", "\"\""],
        _ => return None,
    })
}

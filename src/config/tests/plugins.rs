//! The key `plugins`.

#[cfg(feature = "plugins")]
use std::time::Duration;

use super::*;
#[cfg(feature = "plugins")]
use crate::config::plugins::{CacheSettings, Fallback, PluginSettings};
#[cfg(feature = "plugins")]
use crate::policy::review::Purposes;

#[cfg(not(feature = "plugins"))]
#[test]
fn a_build_without_plugins_says_so() {
    check(&[(
        "plugins: [a]\n",
        &["1: plugins[0]: this SecDocker was built without plugins (the Cargo feature `plugins`)"],
    )]);
}

#[cfg(feature = "plugins")]
#[test]
fn what_is_wrong_with_plugins_is_said_at_the_key() {
    check(&[
        (
            "plugins:\n  - ../x\n  - a\n  - a\n  - .x\n  - a/b\n",
            &[
                "2: plugins[0]: `../x` is not a plugin name: letters, digits, `-`, `_` and `.`, not at \
                 the beginning",
                "4: plugins[2]: `a` is listed twice",
                "5: plugins[3]: `.x` is not a plugin name: letters, digits, `-`, `_` and `.`, not at \
                 the beginning",
                "6: plugins[4]: `a/b` is not a plugin name: letters, digits, `-`, `_` and `.`, not at \
                 the beginning",
            ],
        ),
        (
            "plugins:\n  - name: a\n    timeout: 1\n    on_error: no\n    cache: {life: 0s}\n    \
             when: [build]\n    concurrency: 0\n",
            &[
                "3: plugins[0].timeout: `1` is not a time with its unit (ms, s, m, h), above zero \
                 and at most a day",
                "4: plugins[0].on_error: `no` is neither deny nor allow",
                "7: plugins[0].concurrency: `0` is not a number from 1 to 256",
                "5: plugins[0].cache.life: `0s` is not a time with its unit (ms, s, m, h), above \
                 zero and at most a day",
                "6: plugins[0].when: `build` is not one of create, services, pull, builds",
            ],
        ),
        (
            "plugins:\n  - b\n  - name: a\n    when: []\n",
            &["4: plugins[1].when: must name at least one kind of request"],
        ),
    ]);
}

#[cfg(feature = "plugins")]
#[test]
fn plugins_are_names_or_names_with_settings() {
    let text = "plugins:\n- anchore\n- name: notary\n  path: lib/n.so\n  timeout: 5s\n  on_error: allow\n  \
                cache: {life: 1m}\n  when: [pull, create]\nplugin_threads: 3\n";
    let settings = parse(text, Path::new("/etc/secdocker"), &Overrides::default()).unwrap();
    assert_eq!(settings.plugins.threads.get(), 3);
    let [anchore, notary] = &settings.plugins.list[..] else { panic!("{:?}", settings.plugins) };
    assert_eq!(*anchore, PluginSettings::named("anchore", Path::new("/etc/secdocker")));
    assert_eq!(anchore.folder, Path::new("/etc/secdocker/plugins/anchore"));
    assert_eq!(notary.library.as_deref(), Some(Path::new("/etc/secdocker/lib/n.so")));
    assert_eq!(notary.folder, Path::new("/etc/secdocker/lib"));
    assert_eq!((notary.on_error, notary.on_timeout), (Fallback::Allow, Fallback::Allow));
    assert_eq!(notary.timeout, Duration::from_secs(5));
    let minute = CacheSettings { life: Duration::from_secs(60), ..CacheSettings::default() };
    assert_eq!(notary.cache, Some(minute));
    assert_eq!(notary.asked, Purposes { create: true, service: false, pull: true, build: false });
}

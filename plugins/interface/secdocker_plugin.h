/* SecDocker's plugin interface. docs/PLUGINS.md explains it; plugins/interface/src/abi.rs is the same in Rust.
 *
 * Level 1 is one function. Level 2 is a descriptor, found by a second symbol: it brings a configuration, the whole
 * request, a reason and a log. A library may offer both; level 2 is then used. */
#ifndef SECDOCKER_PLUGIN_H
#define SECDOCKER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Level 1. Returns 1 if the image is safe, 0 if it is not; any other value is an error. `image` is the name as the
 * client gave it: UTF-8, NUL-terminated, valid during the call only. */
uint8_t Process(const char *image);

#define SD_MAGIC 0x5344504Cu /* "SDPL" */
#define SD_ABI_MAJOR 2       /* another major is refused at start */
#define SD_ABI_MINOR 0       /* fields are only added, at the end; `size` says which are there */

#define SD_REASON_BYTES_MAX 4096 /* a longer reason is an error; but a denial stays one, and goes without it */

/* Bytes that belong to whoever made them. Never NUL-terminated; `ptr` may be null where `len` is 0. */
typedef struct {
  const uint8_t *ptr;
  size_t len;
} sd_bytes;

/* Zero is never a verdict: what was not filled in is an error. There is no "no opinion" either: a plugin that a
 * request does not concern allows it, and says why. */
enum { SD_ALLOW = 1, SD_DENY = 2, SD_ERROR = 3 };

/* Any other flag is refused at start. */
enum {
  SD_CONCURRENT = 1u << 0, /* `process` may run on several threads at once */
  SD_BY_DIGEST = 1u << 1,  /* the verdict follows from the image's content alone */
  SD_BY_NAME = 1u << 2     /* the verdict follows from the image's name and content, from nothing else in the request */
};

enum { SD_LOG_ERROR = 1, SD_LOG_WARN = 2, SD_LOG_INFO = 3, SD_LOG_DEBUG = 4 };

/* Given by the host; lives as long as the process. Its functions may be called from any thread. */
typedef struct {
  uint32_t size;
  uint16_t abi_major, abi_minor;
  void *host; /* the first argument of every function below */
  /* Writes a line of UTF-8 into secdocker.log, under the plugin's name. */
  void (*log)(void *host, uint8_t level, sd_bytes text);
  /* Asks the daemon: GET of a path below /images/ or /distribution/, nothing else. Returns the HTTP status and the
   * body, which `host_free` gives back; or a negative number and no body: SD_GET_REFUSED, SD_GET_FAILED. */
  int (*docker_get)(void *host, sd_bytes path, uint32_t timeout_ms, sd_bytes *body);
  void (*host_free)(void *host, sd_bytes body);
} sd_host;

enum { SD_GET_REFUSED = -1, SD_GET_FAILED = -2 };

/* Filled in by the plugin; `size` by the host, before. */
typedef struct {
  uint32_t size;
  uint32_t code;   /* SD_ALLOW, SD_DENY, SD_ERROR */
  sd_bytes reason; /* UTF-8; shown to the client if the code is SD_DENY, logged always */
  sd_bytes pin;    /* "sha256:…": the digest that was judged, for the log */
  uint32_t ttl_s;  /* for how long the verdict may be kept, in seconds; 0: it may not */
} sd_verdict;

/* Given by the plugin; lives as long as the process. */
typedef struct {
  uint32_t magic, size;
  uint16_t abi_major, abi_minor;
  uint32_t flags;
  const char *name, *version; /* UTF-8, NUL-terminated; for the log */
  /* Called once, at start. `config_json`: {"name": …, "config": path of the plugin's config.yml, "folder": …}; whether
   * the file is there is the plugin's affair. Returns 0, or something else after telling why in `why_not->reason`. */
  int (*open)(const sd_host *host, sd_bytes config_json, void **state, sd_verdict *why_not);
  /* Judges one request (docs/PLUGINS.md has its JSON). Returns 0; anything else is an error. */
  int (*process)(void *state, sd_bytes request_json, sd_verdict *out);
  /* Frees what `open` or `process` put into a verdict. Called once after each, except where a `process` never came
   * back. `state` is null if `open` failed. */
  void (*release)(void *state, sd_verdict *out);
  /* Called at most once, when no call is under way: never, if the program ends otherwise. */
  void (*close)(void *state);
} sd_plugin;

/* Level 2. Each major version has a symbol of its own, of this form: a library that has only another one's is refused. */
const sd_plugin *secdocker_plugin_v2(void);

#ifdef __cplusplus
}
#endif
#endif

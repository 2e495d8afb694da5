/* Level 2 in C: no container may be privileged. It looks for the field in the body as SecDocker forwards it, which
 * is written anew without spaces and in one spelling. A plugin of your own would better use a JSON parser.
 * cc -shared -fPIC -I../../interface -o level_two.so level_two.c */
#include <string.h>

#include "secdocker_plugin.h"

static const char FIELD[] = "\"Privileged\":true", REASON[] = "privileged containers are not welcome";

static const sd_host *host;

static int open_plugin(const sd_host *given, sd_bytes config_json, void **state, sd_verdict *why_not) {
  static const char hello[] = "ready";
  (void)config_json, (void)state, (void)why_not;
  host = given;
  host->log(host->host, SD_LOG_INFO, (sd_bytes){(const uint8_t *)hello, sizeof hello - 1});
  return 0;
}

static int contains(sd_bytes text, const char *part) {
  size_t length = strlen(part);
  for (size_t at = 0; at + length <= text.len; at++)
    if (memcmp(text.ptr + at, part, length) == 0) return 1;
  return 0;
}

static int process(void *state, sd_bytes request_json, sd_verdict *out) {
  (void)state;
  out->code = contains(request_json, FIELD) ? SD_DENY : SD_ALLOW;
  if (out->code == SD_DENY) out->reason = (sd_bytes){(const uint8_t *)REASON, sizeof REASON - 1};
  return 0;
}

/* The reason is static: there is nothing to free. */
static void release(void *state, sd_verdict *out) { (void)state, (void)out; }

const sd_plugin *secdocker_plugin_v2(void) {
  static const sd_plugin plugin = {
      .magic = SD_MAGIC,
      .size = sizeof(sd_plugin),
      .abi_major = SD_ABI_MAJOR,
      .abi_minor = SD_ABI_MINOR,
      .flags = SD_CONCURRENT,
      .name = "no-privileged",
      .version = "1",
      .open = open_plugin,
      .process = process,
      .release = release,
  };
  return &plugin;
}

/* Level 1 in C: images of the registry "evil.example" are not safe.
 * cc -shared -fPIC -I../../interface -o level_one.so level_one.c */
#include <string.h>

#include "secdocker_plugin.h"

uint8_t Process(const char *image) { return strncmp(image, "evil.example/", 13) != 0; }

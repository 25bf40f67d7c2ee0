/* A small Vulkan host for tests: runs compute shaders on the CPU's driver (lavapipe), one at a time. */
#ifndef TEST_VK_H
#define TEST_VK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vk_host vk_host;

/* The first device of the loader that is a CPU; NULL, and *why, when there is none. */
vk_host *vk_open(const char **why);
void vk_close(vk_host *h);
const char *vk_device_name(const vk_host *h);

typedef struct vk_buffer {
    void *data;
    size_t bytes;
} vk_buffer;

typedef struct vk_job {
    const vk_buffer *buffer; /* binding i; read before, written back after */
    const void *constants;   /* push constants */
    size_t constant_bytes;
    uint64_t threads;        /* at least so many are run */
} vk_job;

/* Makes a shader the one that vk_run() runs: SPIR-V that takes so many buffers. Both print what is wrong and
 * return false. */
bool vk_load(vk_host *h, const uint32_t *code, size_t bytes, int nbuffer);
/* Runs it to its end. */
bool vk_run(vk_host *h, const vk_job *job);

#endif

#include "tests/vk/vk.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

enum { GROUP = 64, MOST_BUFFERS = 32, GUARD = 64 };

#define INSTANCE_FUNCTIONS(X)                                                                      \
    X(EnumeratePhysicalDevices) X(GetPhysicalDeviceProperties) X(GetPhysicalDeviceFeatures2)       \
    X(GetPhysicalDeviceMemoryProperties) X(CreateDevice) X(GetDeviceProcAddr) X(DestroyInstance)
#define DEVICE_FUNCTIONS(X)                                                                        \
    X(GetDeviceQueue) X(CreateBuffer) X(DestroyBuffer) X(GetBufferMemoryRequirements) X(AllocateMemory) \
    X(FreeMemory) X(BindBufferMemory) X(MapMemory) X(CreateShaderModule) X(DestroyShaderModule)    \
    X(CreateDescriptorSetLayout) X(CreatePipelineLayout) X(CreateComputePipelines) X(DestroyPipeline) \
    X(CreateDescriptorPool) X(ResetDescriptorPool) X(AllocateDescriptorSets) X(UpdateDescriptorSets) \
    X(CreateCommandPool) X(AllocateCommandBuffers) X(BeginCommandBuffer) X(EndCommandBuffer)       \
    X(CmdBindPipeline) X(CmdBindDescriptorSets) X(CmdPushConstants) X(CmdDispatch) X(QueueSubmit)  \
    X(QueueWaitIdle) X(DestroyDevice) X(DestroyDescriptorPool) X(DestroyCommandPool)               \
    X(DestroyPipelineLayout) X(DestroyDescriptorSetLayout)

struct vk_host {
    void *library;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkDevice device;
    VkQueue queue;
    VkBuffer buffer; /* holds the buffers of a job, one behind the other */
    VkDeviceMemory memory;
    unsigned char *mapped;
    VkDeviceSize size;
    uint32_t memory_type;
    VkDescriptorPool descriptors;
    VkDescriptorSetLayout set_layout[MOST_BUFFERS + 1]; /* by the number of buffers */
    VkPipelineLayout layout[MOST_BUFFERS + 1];
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkPipeline pipeline;     /* the loaded shader, which takes this many buffers */
    int nbuffer;
#define MEMBER(name) PFN_vk##name name;
    INSTANCE_FUNCTIONS(MEMBER)
    DEVICE_FUNCTIONS(MEMBER)
#undef MEMBER
};

#define TRY(call)                                                                                  \
    do {                                                                                           \
        VkResult result_ = (call);                                                                 \
        if (result_ != VK_SUCCESS) {                                                               \
            fprintf(stderr, "vulkan: %s: error %d\n", #call, (int)result_);                        \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

/* ---- opening ------------------------------------------------------------------------------- */

static bool load_instance(vk_host *h)
{
    PFN_vkGetInstanceProcAddr get;
    *(void **)&get = dlsym(h->library, "vkGetInstanceProcAddr");
    if (!get) return false;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
    VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
    if (!create || create(&info, NULL, &h->instance) != VK_SUCCESS) return false;
#define LOAD(name)                                                                                 \
    if (!(h->name = (PFN_vk##name)get(h->instance, "vk" #name))) return false;
    INSTANCE_FUNCTIONS(LOAD)
#undef LOAD
    return true;
}

static bool choose_device(vk_host *h)
{
    VkPhysicalDevice found[16];
    uint32_t n = 16;
    if (h->EnumeratePhysicalDevices(h->instance, &n, found) < 0) return false;
    for (uint32_t i = 0; i < n; i++) {
        h->GetPhysicalDeviceProperties(found[i], &h->properties);
        h->physical = found[i];
        if (h->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU && h->properties.apiVersion >= VK_API_VERSION_1_2) return true;
    }
    return false;
}

/* Everything that shaders with all element types need. */
static bool open_device(vk_host *h)
{
    float priority = 1;
    VkPhysicalDevice16BitStorageFeatures half = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    VkPhysicalDevice8BitStorageFeatures byte = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES, .pNext = &half};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &byte};
    h->GetPhysicalDeviceFeatures2(h->physical, &all);
    if (!half.storageBuffer16BitAccess || !byte.storageBuffer8BitAccess || !all.features.shaderInt64 || !all.features.shaderFloat64) return false;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &all, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
    TRY(h->CreateDevice(h->physical, &info, NULL, &h->device));
#define LOAD(name)                                                                                 \
    if (!(h->name = (PFN_vk##name)h->GetDeviceProcAddr(h->device, "vk" #name))) return false;
    DEVICE_FUNCTIONS(LOAD)
#undef LOAD
    h->GetDeviceQueue(h->device, 0, 0, &h->queue);
    return true;
}

static bool make_pools(vk_host *h)
{
    VkPhysicalDeviceMemoryProperties memory;
    VkMemoryPropertyFlags want = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    h->GetPhysicalDeviceMemoryProperties(h->physical, &memory);
    while (h->memory_type < memory.memoryTypeCount && (memory.memoryTypes[h->memory_type].propertyFlags & want) != want) h->memory_type++;
    if (h->memory_type == memory.memoryTypeCount) return false;
    VkDescriptorPoolSize room = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, MOST_BUFFERS};
    VkDescriptorPoolCreateInfo sets = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = 1, .poolSizeCount = 1, .pPoolSizes = &room};
    TRY(h->CreateDescriptorPool(h->device, &sets, NULL, &h->descriptors));
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT};
    TRY(h->CreateCommandPool(h->device, &pool, NULL, &h->pool));
    VkCommandBufferAllocateInfo one = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = h->pool, .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, .commandBufferCount = 1};
    TRY(h->AllocateCommandBuffers(h->device, &one, &h->commands));
    return true;
}

vk_host *vk_open(const char **why)
{
    vk_host *h = calloc(1, sizeof *h);
    *why = "no memory";
    if (!h) return NULL;
    *why = "libvulkan.so.1 cannot be loaded";
    bool ok = (h->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL)) != NULL;
    if (ok) {
        *why = "no Vulkan instance can be made";
        ok = load_instance(h);
    }
    if (ok) {
        *why = "no Vulkan device is a CPU (lavapipe, package mesa-vulkan-drivers)";
        ok = choose_device(h);
    }
    if (ok) {
        *why = "the device lacks 64-bit types or narrow storage";
        ok = open_device(h) && make_pools(h);
    }
    if (ok) return h;
    vk_close(h);
    return NULL;
}

const char *vk_device_name(const vk_host *h) { return h->properties.deviceName; }

static void drop_buffer(vk_host *h)
{
    h->DestroyBuffer(h->device, h->buffer, NULL);
    h->FreeMemory(h->device, h->memory, NULL);
    h->buffer = VK_NULL_HANDLE;
    h->memory = VK_NULL_HANDLE;
    h->size = 0;
}

void vk_close(vk_host *h)
{
    if (h->device && h->DestroyDevice) {
        drop_buffer(h);
        h->DestroyPipeline(h->device, h->pipeline, NULL);
        for (int i = 0; i <= MOST_BUFFERS; i++) {
            h->DestroyPipelineLayout(h->device, h->layout[i], NULL);
            h->DestroyDescriptorSetLayout(h->device, h->set_layout[i], NULL);
        }
        h->DestroyDescriptorPool(h->device, h->descriptors, NULL);
        h->DestroyCommandPool(h->device, h->pool, NULL);
        h->DestroyDevice(h->device, NULL);
    }
    if (h->instance && h->DestroyInstance) h->DestroyInstance(h->instance, NULL);
    free(h); /* the library stays: drivers do not survive being unloaded */
}

/* ---- memory -------------------------------------------------------------------------------- */

static VkDeviceSize place_after(const vk_host *h, VkDeviceSize at, size_t bytes)
{
    VkDeviceSize step = h->properties.limits.minStorageBufferOffsetAlignment;
    VkDeviceSize end = at + bytes + GUARD;
    return (end + step - 1) / step * step;
}

static bool reserve(vk_host *h, VkDeviceSize size)
{
    if (size <= h->size) return true;
    if (h->buffer) drop_buffer(h);
    if (size < 1 << 20) size = 1 << 20;
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
    TRY(h->CreateBuffer(h->device, &info, NULL, &h->buffer));
    VkMemoryRequirements need;
    h->GetBufferMemoryRequirements(h->device, h->buffer, &need);
    VkMemoryAllocateInfo memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = need.size, .memoryTypeIndex = h->memory_type};
    TRY(h->AllocateMemory(h->device, &memory, NULL, &h->memory));
    TRY(h->BindBufferMemory(h->device, h->buffer, h->memory, 0));
    void *at;
    TRY(h->MapMemory(h->device, h->memory, 0, VK_WHOLE_SIZE, 0, &at));
    h->mapped = at;
    h->size = size;
    return true;
}

/* ---- running ------------------------------------------------------------------------------- */

static bool layout_for(vk_host *h, int n)
{
    if (h->layout[n]) return true;
    VkDescriptorSetLayoutBinding binding[MOST_BUFFERS];
    for (int i = 0; i < n; i++) binding[i] = (VkDescriptorSetLayoutBinding){(uint32_t)i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
    VkDescriptorSetLayoutCreateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = (uint32_t)n, .pBindings = binding};
    TRY(h->CreateDescriptorSetLayout(h->device, &set, NULL, &h->set_layout[n]));
    VkPushConstantRange constants = {VK_SHADER_STAGE_COMPUTE_BIT, 0, h->properties.limits.maxPushConstantsSize};
    VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &h->set_layout[n], .pushConstantRangeCount = 1, .pPushConstantRanges = &constants};
    TRY(h->CreatePipelineLayout(h->device, &info, NULL, &h->layout[n]));
    return true;
}

bool vk_load(vk_host *h, const uint32_t *words, size_t bytes, int nbuffer)
{
    VkShaderModule module;
    h->DestroyPipeline(h->device, h->pipeline, NULL);
    h->pipeline = VK_NULL_HANDLE;
    h->nbuffer = nbuffer;
    if (nbuffer > MOST_BUFFERS) {
        fprintf(stderr, "vulkan: a shader with %d buffers\n", nbuffer);
        return false;
    }
    if (!layout_for(h, nbuffer)) return false;
    VkShaderModuleCreateInfo code = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = words};
    TRY(h->CreateShaderModule(h->device, &code, NULL, &module));
    static const uint32_t group = GROUP;
    static const VkSpecializationMapEntry entry = {0, 0, sizeof group};
    VkSpecializationInfo special = {1, &entry, sizeof group, &group};
    VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .layout = h->layout[h->nbuffer]};
    info.stage = (VkPipelineShaderStageCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module, .pName = "main", .pSpecializationInfo = &special};
    VkResult result = h->CreateComputePipelines(h->device, VK_NULL_HANDLE, 1, &info, NULL, &h->pipeline);
    h->DestroyShaderModule(h->device, module, NULL);
    TRY(result);
    return true;
}

static bool bind_buffers(vk_host *h, const vk_job *job, VkDescriptorSet *set)
{
    TRY(h->ResetDescriptorPool(h->device, h->descriptors, 0));
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, .descriptorPool = h->descriptors, .descriptorSetCount = 1, .pSetLayouts = &h->set_layout[h->nbuffer]};
    TRY(h->AllocateDescriptorSets(h->device, &info, set));
    VkDescriptorBufferInfo place[MOST_BUFFERS];
    VkWriteDescriptorSet write[MOST_BUFFERS];
    VkDeviceSize at = 0;
    for (int i = 0; i < h->nbuffer; i++) {
        place[i] = (VkDescriptorBufferInfo){h->buffer, at, job->buffer[i].bytes ? job->buffer[i].bytes : 4};
        write[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, .dstSet = *set, .dstBinding = (uint32_t)i, .descriptorCount = 1, .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .pBufferInfo = &place[i]};
        at = place_after(h, at, job->buffer[i].bytes);
    }
    h->UpdateDescriptorSets(h->device, (uint32_t)h->nbuffer, write, 0, NULL);
    return true;
}

static bool dispatch(vk_host *h, const vk_job *job, VkDescriptorSet set)
{
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    TRY(h->BeginCommandBuffer(h->commands, &begin));
    h->CmdBindPipeline(h->commands, VK_PIPELINE_BIND_POINT_COMPUTE, h->pipeline);
    h->CmdBindDescriptorSets(h->commands, VK_PIPELINE_BIND_POINT_COMPUTE, h->layout[h->nbuffer], 0, 1, &set, 0, NULL);
    if (job->constant_bytes) h->CmdPushConstants(h->commands, h->layout[h->nbuffer], VK_SHADER_STAGE_COMPUTE_BIT, 0, (uint32_t)job->constant_bytes, job->constants);
    /* A row of an odd length, so that rows do not end where something of the kernel does. */
    uint64_t groups = (job->threads + GROUP - 1) / GROUP, row = groups > 3 ? 3 : groups;
    if (groups > 3 * 65535) row = 65535;
    if (groups) h->CmdDispatch(h->commands, (uint32_t)row, (uint32_t)((groups + row - 1) / row), 1);
    TRY(h->EndCommandBuffer(h->commands));
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &h->commands};
    TRY(h->QueueSubmit(h->queue, 1, &submit, VK_NULL_HANDLE));
    TRY(h->QueueWaitIdle(h->queue));
    return true;
}

/* Puts the buffers into the device's memory with guards between them, or takes them from there. False:
 * a guard has changed. */
static bool exchange(vk_host *h, const vk_job *job, bool in)
{
    VkDeviceSize at = 0;
    bool intact = true;
    for (int i = 0; i < h->nbuffer; i++) {
        const vk_buffer *b = &job->buffer[i];
        unsigned char *place = h->mapped + at, *guard = place + b->bytes;
        at = place_after(h, at, b->bytes);
        if (b->bytes) memcpy(in ? (void *)place : b->data, in ? b->data : (void *)place, b->bytes);
        for (; guard < h->mapped + at; guard++) {
            intact &= in || *guard == 0xa5;
            *guard = 0xa5;
        }
    }
    return intact;
}

bool vk_run(vk_host *h, const vk_job *job)
{
    if (job->constant_bytes > h->properties.limits.maxPushConstantsSize) {
        fprintf(stderr, "vulkan: %zu bytes of constants\n", job->constant_bytes);
        return false;
    }
    VkDescriptorSet set;
    VkDeviceSize size = 0;
    for (int i = 0; i < h->nbuffer; i++) size = place_after(h, size, job->buffer[i].bytes);
    if (!reserve(h, size)) return false;
    exchange(h, job, true);
    if (!bind_buffers(h, job, &set) || !dispatch(h, job, set)) return false;
    if (exchange(h, job, false)) return true;
    fprintf(stderr, "vulkan: the shader wrote behind a buffer\n");
    return false;
}

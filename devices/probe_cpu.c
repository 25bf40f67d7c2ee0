/* What Linux says about its processors: clusters of like cores, caches, features. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "devices/probe.h"

typedef struct {
    nfc_session *s;
    const char *root;
    bool measure;
    const char *cpuinfo; /* the text of /proc/cpuinfo */
    VEC(int) core; /* number of each core's first processor: what is online, without threads */
} machine;

typedef struct {
    const char *part; /* what the processor is called; of the same part and capacity: alike */
    int64_t capacity;
    int first; /* a processor of it */
    int64_t cores;
} cluster;

/* ---- files --------------------------------------------------------------------------------- */

/* The first line of a small file, or "". */
static const char *line_of(const machine *m, const char *path)
{
    FILE *f = fopen(session_printf(m->s, "%s%s", m->root, path), "r");
    char text[4096] = "";
    if (!f) return "";
    if (!fgets(text, sizeof text, f)) text[0] = 0;
    fclose(f);
    text[strcspn(text, "\n")] = 0;
    return arena_strdup(m->s->arena, text);
}

static const char *cpu_line(const machine *m, int cpu, const char *name)
{
    return line_of(m, session_printf(m->s, "/sys/devices/system/cpu/cpu%d/%s", cpu, name));
}

static const char *read_cpuinfo(const machine *m)
{
    FILE *f = fopen(session_printf(m->s, "%s/proc/cpuinfo", m->root), "r");
    VEC(char) text = {0};
    for (int c; f && (c = getc(f)) != EOF;) vec_push(m->s->arena, &text, (char)c);
    if (f) fclose(f);
    vec_push(m->s->arena, &text, 0);
    return text.at;
}

/* The value of "name : value" in /proc/cpuinfo: of this processor, of the first where cpu < 0. */
static const char *info(const machine *m, int cpu, const char *name)
{
    bool here = cpu < 0;
    for (const char *at = m->cpuinfo; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        const char *colon = memchr(at, ':', strcspn(at, "\n"));
        size_t n = colon ? (size_t)(colon - at) : 0;
        while (n > 0 && isspace((unsigned char)at[n - 1])) n--;
        const char *value = colon ? colon + 1 + strspn(colon + 1, " \t") : at;
        if (cpu >= 0 && n == strlen("processor") && strncmp(at, "processor", n) == 0)
            here = atoi(value) == cpu;
        if (here && n == strlen(name) && strncmp(at, name, n) == 0)
            return arena_strndup(m->s->arena, value, strcspn(value, "\n"));
    }
    return "";
}

/* Is the number in a list such as "0-3,8"? */
static bool listed(const char *list, long number)
{
    while (*list) {
        char *end;
        long from = strtol(list, &end, 10), to = from;
        if (end == list) return false;
        if (*end == '-') to = strtol(end + 1, &end, 10);
        if (from <= number && number <= to) return true;
        list = *end == ',' ? end + 1 : end;
    }
    return false;
}

/* ---- cores and clusters -------------------------------------------------------------------- */

/* Of the threads of a core only the first one counts. */
static void find_cores(machine *m)
{
    enum { MOST = 8192 };
    const char *online = line_of(m, "/sys/devices/system/cpu/online");
    for (int cpu = 0; cpu < MOST; cpu++) {
        if (!listed(online, cpu)) continue;
        const char *threads = cpu_line(m, cpu, "topology/thread_siblings_list");
        if (!*threads || atoi(threads) == cpu) vec_push(m->s->arena, &m->core, cpu);
    }
    if (m->core.n == 0) vec_push(m->s->arena, &m->core, 0);
}

typedef VEC(cluster) clusters;

static clusters find_clusters(const machine *m)
{
    clusters all = {0};
    for (int i = 0; i < m->core.n; i++) {
        int cpu = m->core.at[i], k = 0;
        cluster c = {info(m, cpu, "CPU part"), atoll(cpu_line(m, cpu, "cpu_capacity")), cpu, 1};
        while (k < all.n &&
               (all.at[k].capacity != c.capacity || strcmp(all.at[k].part, c.part) != 0))
            k++;
        if (k < all.n)
            all.at[k].cores++;
        else
            vec_push(m->s->arena, &all, c);
    }
    for (int i = 1; i < all.n; i++) /* the fastest first */
        for (int k = i; k > 0 && all.at[k].capacity > all.at[k - 1].capacity; k--) {
            cluster c = all.at[k];
            all.at[k] = all.at[k - 1];
            all.at[k - 1] = c;
        }
    return all;
}

/* ---- what a core has ----------------------------------------------------------------------- */

bool probe_has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == 0 || at[n] == ' ')) return true;
    return false;
}

/* What a line of the caches has, where Linux says so. */
static void add_line(const machine *m, const cluster *c, json_node *unit)
{
    long bytes = strtol(cpu_line(m, c->first, "cache/index0/coherency_line_size"), NULL, 10);
    bool is_power = bytes >= 8 && bytes <= 4096 && (bytes & (bytes - 1)) == 0;
    if (is_power) probe_put(unit, "line_bytes", json_int(m->s->arena, bytes));
}

static int64_t bytes_of(const char *size)
{
    char *end;
    int64_t n = strtoll(size, &end, 10);
    return *end == 'K' ? n << 10 : *end == 'M' ? n << 20 : *end == 'G' ? n << 30 : n;
}

static int64_t cores_in(const machine *m, const char *list)
{
    int64_t n = 0;
    for (int i = 0; i < m->core.n; i++) n += listed(list, m->core.at[i]);
    return n;
}

/* Two digits: the measurement has no more. */
static json_node *rounded(nfc_session *s, double value)
{
    double two = strtod(session_printf(s, "%.1e", value), NULL);
    return two >= 10 ? json_int(s->arena, (int64_t)two) : json_float(s->arena, two);
}

static void add_level(const machine *m, json_node *levels, const device_level *l, size_t measured)
{
    nfc_session *s = m->s;
    json_node *level = json_object(s->arena);
    probe_put(level, "name", json_string(s->arena, l->name));
    if (l->bytes) probe_put(level, "bytes", json_int(s->arena, l->bytes));
    if (l->ways) probe_put(level, "ways", json_int(s->arena, l->ways));
    probe_put(level, "cores", json_int(s->arena, l->cores));
    if (m->measure) probe_put(level, "gb_per_s", rounded(s, probe_gb_per_s(s, measured)));
    json_push(levels, level);
}

/* The data caches in the order that Linux lists them, which is theirs, and the memory. One that is
 * no larger than the one before it could not be told from it. */
static json_node *find_levels(const machine *m, const cluster *c)
{
    nfc_session *s = m->s;
    json_node *levels = json_array(s->arena);
    device_level last = {.cores = 1};
    for (int i = 0; levels->count < 6; i++) {
        const char *at = session_printf(s, "cache/index%d", i);
        const char *level = cpu_line(m, c->first, session_printf(s, "%s/level", at));
        if (!*level) break;
        if (strcmp(cpu_line(m, c->first, session_printf(s, "%s/type", at)), "Instruction") == 0)
            continue;
        device_level l = {.name = session_printf(s, "L%d", atoi(level))};
        l.bytes = bytes_of(cpu_line(m, c->first, session_printf(s, "%s/size", at)));
        l.cores = cores_in(m, cpu_line(m, c->first, session_printf(s, "%s/shared_cpu_list", at)));
        int64_t ways = atoll(cpu_line(m, c->first, session_printf(s, "%s/ways_of_associativity", at)));
        if (ways > 0 && ways <= 65536) l.ways = ways;
        if (l.bytes <= last.bytes || l.cores < last.cores) continue;
        add_level(m, levels, &l, (size_t)l.bytes / 2);
        last = l;
    }
    device_level memory = {.name = "memory", .cores = m->core.n};
    add_level(m, levels, &memory, probe_beyond((size_t)last.bytes));
    return levels;
}

/* The highest clock that Linux knows of, else the one that we run at. */
static void add_clock(const machine *m, const cluster *c, json_node *unit)
{
    double mhz = strtod(cpu_line(m, c->first, "cpufreq/cpuinfo_max_freq"), NULL) / 1000;
    if (mhz <= 0 && m->measure) mhz = probe_clock_mhz();
    if (mhz <= 0) return;
    int64_t steps = (int64_t)(mhz / 50 + 0.5);
    probe_put(unit, "clock_mhz", json_int(m->s->arena, steps < 1 ? 50 : 50 * steps));
}

json_node *probe_units(nfc_session *s, const char *root, bool measure)
{
    enum { MOST = 16 };
    machine m = {.s = s, .root = root, .measure = measure};
    m.cpuinfo = read_cpuinfo(&m);
    find_cores(&m);
    clusters all = find_clusters(&m);
    json_node *units = json_array(s->arena);
    for (int i = 0; i < all.n && i < MOST; i++) {
        const cluster *c = &all.at[i];
        json_node *unit = json_object(s->arena);
        probe_put(unit, "name",
                  json_string(s->arena, all.n == 1 ? "cpu" : session_printf(s, "cluster%d", i)));
        probe_put(unit, "kind", json_string(s->arena, "cpu"));
        probe_put(unit, "cores", json_int(s->arena, c->cores));
        add_clock(&m, c, unit);
        add_line(&m, c, unit);
        probe_put(unit, "levels", find_levels(&m, c));
        json_push(units, unit);
    }
    return units;
}

const char *probe_features(nfc_session *s, const char *root)
{
    machine m = {.s = s, .root = root};
    m.cpuinfo = read_cpuinfo(&m);
    const char *words = info(&m, -1, "flags"); /* x86; Arm calls them Features */
    if (!*words) words = info(&m, -1, "Features");
    int bytes = atoi(line_of(&m, "/proc/sys/abi/sve_default_vector_length"));
    return probe_has_word(words, "sve") && bytes == 32 ? session_printf(s, "%s sve256", words) : words;
}

const char *probe_model(nfc_session *s, const char *root)
{
    machine m = {.s = s, .root = root};
    m.cpuinfo = read_cpuinfo(&m);
    const char *name = info(&m, -1, "model name");
    if (!*name) name = line_of(&m, "/proc/device-tree/model");
    enum { LONGEST = 100 };
    char *clean = arena_strndup(s->arena, name, strlen(name) < LONGEST ? strlen(name) : LONGEST);
    for (char *p = clean; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f) *p = '?';
    return clean;
}

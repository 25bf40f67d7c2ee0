/* Many emitted programs in one executable: their main functions, renamed, stand in a generated
 * table. driver FILE runs the lines of FILE, each in a process of its own, so that a crash is one
 * line's: PROGRAM<tab>LOG<tab>SECONDS<tab>ARGUMENT... Prints "LINE STATUS" for each; a signal S is
 * the status -S. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int main_function(int argc, char **argv);
typedef struct program {
    const char *name;
    main_function *run;
} program;

#define PROGRAM(NAME) extern int NAME##_program_main(int argc, char **argv);
#include "programs.def"
#undef PROGRAM
#define PROGRAM(NAME) {#NAME, NAME##_program_main},
static const program programs[] = {
#include "programs.def"
};

enum { MOST_ARGUMENTS = 4096 };

static main_function *find(const char *name)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i].name, name) == 0) return programs[i].run;
    return NULL;
}

/* In the child: what the program says goes to its log. Does not return. */
static void run_line(char **word, int n)
{
    main_function *run = find(word[0]);
    int log = open(word[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!run || log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
    alarm((unsigned)atoi(word[2]));
    char *name = word[0];
    word[2] = name;
    exit(run(n - 2, word + 2));
}

static int words_of(char *line, char **word)
{
    int n = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *at = line; at && n < MOST_ARGUMENTS; n++) {
        word[n] = at;
        at = strchr(at, '\t');
        if (at) *at++ = 0;
    }
    word[n] = NULL;
    return n;
}

/* A child that exits would move the place in a file that is still open: so it is read at once. */
static char **read_lines(const char *path, int *n)
{
    FILE *from = fopen(path, "r");
    char **line = NULL;
    size_t room = 0;
    if (!from) exit(2);
    for (*n = 0;; ++*n) {
        line = realloc(line, ((size_t)*n + 1) * sizeof *line);
        if (!line) exit(2);
        line[*n] = NULL;
        if (getline(&line[*n], &room, from) <= 0) break;
        room = 0;
    }
    fclose(from);
    return line;
}

int main(int argc, char **argv)
{
    static char *word[MOST_ARGUMENTS + 1];
    int nline = 0;
    char **line = argc == 2 ? read_lines(argv[1], &nline) : NULL;
    if (!line) return 2;
    for (int i = 0; i < nline; i++) {
        int n = words_of(line[i], word), status = 0;
        if (n < 3) return 2;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) run_line(word, n);
        if (child < 0 || waitpid(child, &status, 0) < 0) return 3;
        printf("%d %d\n", i, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        free(line[i]);
    }
    free(line[nline]);
    free(line);
    return fflush(stdout) != 0;
}

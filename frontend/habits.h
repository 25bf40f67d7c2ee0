/* Words of other languages, and what is written here instead of them. */
#ifndef NFC_HABITS_H
#define NFC_HABITS_H

/* Where such a word stands: begins a statement of a block, or what stands outside of blocks, or is a value. */
typedef enum { HABIT_STATEMENT, HABIT_DECLARATION, HABIT_VALUE } habit_place;

/* What helps someone who wrote this word there, or NULL. */
const char *habit_help(const char *word, habit_place where);

/* How a loop is written. */
#define HABIT_LOOP "loop NAME (i in 0..N) { block body { ... yield ...; } }"

#endif

/* What k_tile.c, k_sink.c and k_rows.c share: the inside of a tile. */
#ifndef NFC_K_ROWS_H
#define NFC_K_ROWS_H

#include "passes/k_tile.h"

/* Has a tile several rows along this axis? */
static inline bool k_has_rows(const k_tile *t, int axis) { return t->at[axis].segment->rows > 1; }
/* The axis reads as an element of the tile, in this row. */
void k_map_axis(k_tile *t, int axis, const ir_sx *row);
/* Any of the rows at hand, of one axis or all, for what is decided about all of them. */
void k_map_any_row(k_tile *t, int axis);
void k_map_any_rows(k_tile *t);

/* Is it another one for another row? */
bool k_index_differs(k_tile *t, const ir_sx *x);
bool k_value_differs(k_tile *t, const kir_expr *e);
/* May a value that is named be another one later? */
bool k_may_change(k_tile *t, const kir_stmt *let);

/* A statement is done for each row as soon as what waits is flushed: within loops over the rows. */
void k_wait(k_tile *t, const kir_stmt *s);
void k_flush(k_tile *t);

/* The inside of the tile at hand: the core for all its elements. */
void k_tile_leaf(k_tile *t);
/* Opens the loop that runs in blocks, in the block at hand; false: it is not this one. */
bool k_open_block(k_tile *t, const kir_stmt *s);

/* Does a guard differ from lane to lane, where all that it lets through are values of locals? env: the k_tile. */
bool k_is_choice(void *env, const kir_stmt *guard);

#endif

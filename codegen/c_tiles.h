/* Tiles in the C dialect: registers that hold rows of bytes, and what a program does before it may use them. */
#ifndef NFC_C_TILES_H
#define NFC_C_TILES_H

#include "codegen/program.h"

/* Has a kernel tiles? Then they are configured where it begins, and released where it ends. */
bool cg_uses_tiles(const kir_func *f);
void cg_put_tile_configuration(cg_module *c, text *t, const kir_func *f);
void cg_put_tile_release(cg_module *c, text *t, const kir_func *f);
/* A TILE statement. */
void cg_put_tile(cg_module *c, text *t, const kir_stmt *s);

/* Must the program, or one of its versions, ask the system for its tiles? */
bool cg_asks_for_tiles(const cg_program *p);
/* nf_may_use_tiles(), which does. */
void cg_put_tile_permission(const cg_program *p, text *t);

#endif

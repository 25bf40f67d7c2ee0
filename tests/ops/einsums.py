"""Goldens of einsum: NumPy has it."""
import numpy as np

from cases import Name, case
from formats import decode, encode, generator, small


def einsum_cases(row):
    rng = generator("einsum")

    def one(graph, equation, *shapes, dtype="f32"):
        inputs = {"in%d" % i: small(rng, dtype, shape) for i, shape in enumerate(shapes)}
        y = np.einsum(equation, *(decode(x) for x in inputs.values()))
        given = {"inputs": [Name(n) for n in inputs], "equation": equation}
        return case(graph, "einsum", inputs, encode(dtype, y), given, operands=[])

    cases = [
        one("f32_matmul", "ij,jk->ik", (3, 4), (4, 5)),
        one("f32_matmul_implicit", "ij,jk", (3, 4), (4, 5)),
        one("f32_implicit_order", "ba,cB", (2, 3), (4, 5)),
        one("f32_transpose", "ij->ji", (3, 4)),
        one("f32_transpose_implicit", "ba", (3, 4)),
        one("f32_copy", "abc->abc", (2, 3, 4)),
        one("f32_sum", "ij->i", (3, 4)),
        one("f32_sum_all", "ij->", (3, 4)),
        one("f32_spaces", " i j , j k -> k i ", (3, 4), (4, 5)),
        one("f32_inner", "i,i", (7,), (7,)),
        one("f32_outer", "i,j->ij", (3,), (4,)),
        one("f32_multiply", "ij,ij->ij", (3, 4), (3, 4)),
        one("f32_multiply_turned", "ij,ji->ji", (3, 4), (4, 3)),
        one("f32_batch_matmul", "bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
        one("f32_heads", "bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
        one("f32_two_sums", "abcd,cdef->abef", (2, 3, 2, 2), (2, 2, 3, 1)),
        one("f32_own_sums", "abc,bde->bd", (2, 3, 2), (3, 4, 2)),
        one("f32_trace", "ii", (4, 4)),
        one("f32_diagonal", "ii->i", (4, 4)),
        one("f32_batch_diagonal", "...ii->...i", (3, 5, 5)),
        one("f32_diagonals", "ijij->ji", (2, 3, 2, 3)),
        one("f32_diagonal_of_three", "iii->i", (3, 3, 3)),
        one("f32_diagonal_product", "iij,j->i", (3, 3, 4), (4,)),
        one("f32_diagonal_of_one", "ii,i->i", (1, 1), (4,)),
        one("f32_ellipsis", "...ij,...jk->...ik", (2, 3, 4), (2, 4, 2)),
        one("f32_ellipsis_broadcast", "...ij,jk...->...ik", (5, 2, 3, 4), (4, 2, 1, 2)),
        one("f32_ellipsis_implicit", "...i,i...", (2, 3), (3, 2)),
        one("f32_ellipsis_empty", "i...->...i", (3,)),
        one("f32_ellipsis_middle", "a...b->b...a", (2, 3, 4, 5)),
        one("f32_broadcast", "ij,ij->ij", (1, 4), (3, 1)),
        one("f32_broadcast_sum", "ij,jk->ik", (3, 1), (4, 5)),
        one("f32_three", "ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
        one("f32_three_shared", "i,i,i->i", (4,), (4,), (4,)),
        one("f32_three_dot", "i,ij,j->", (3,), (3, 4), (4,)),
        one("f32_bilinear", "bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
        one("f32_four", "ab,bc,cd,da->", (2, 3), (3, 2), (2, 4), (4, 2)),
        one("f32_scalar", ",ij->ij", (), (2, 3)),
        one("f32_scalars", ",->", (), ()),
        one("f32_rank8", "abcdefgh->hgfedcba", (1, 2, 1, 2, 3, 1, 2, 2)),
        one("f32_empty", "ij,jk->ik", (0, 4), (4, 3)),
        one("f32_sum_of_none", "ij,jk->ik", (2, 0), (0, 3)),
        one("f32_diagonal_empty", "ii->i", (0, 0)),
    ]
    types = row["operands"][0]["types"]
    return cases + [one(t, "iij,...j,k->...ik", (2, 2, 3), (2, 3), (2,), dtype=t) for t in types]


CASES = {"einsum": einsum_cases}

/* The vocabulary of ops.def's expressions.
 *
 * Three files give these words a meaning: sim_ew.c in double and in 64-bit integers, lower_ew.c as
 * kernel expressions, sx_ew.c over symbolic integers, for what is known at compile time.
 *
 *   X Y Z N           the operands; the number of operands of a variadic op
 *   LIT(v) INFTY      a number in the type that is computed in
 *   A(name)           a float attribute; AI(name): an integer one, known at compile time
 *   AS(name, "text")  is the attribute this text? known at compile time
 *   HAS(i)            is the optional operand i there? known at compile time
 *   BOOL(c)           a compile-time truth as a bool
 *   NEG ABS ADD SUB MUL MIN MAX      integers wrap; MIN and MAX propagate NaN
 *   DIV IMOD FMOD     on integers DIV truncates, IMOD has the divisor's sign, FMOD the dividend's;
 *                     division by zero is a run error
 *   SQRT FLOOR CEIL RINT EXP EXPM1 LOG LOG1P POW ERF ERFC
 *   GELU(x)           x erfc(-x / sqrt(2)) / 2; a product would lose what the second factor loses when
 *                     it underflows
 *   GELU_TANH(x)      x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3))); an exponent of one number would
 *                     leave few right digits of its exponential
 *   AFFINE(a, x, b)   a x + b with two float attributes, accurate also where the two nearly cancel
 *   SIN COS TAN ASIN ACOS ATAN SINH COSH TANH ASINH ACOSH ATANH
 *   SIGMOID(x)        1 / (1 + exp(-x)), accurate at both ends
 *   MISHGATE(x)       tanh(log1p(exp(x))), likewise
 *   EQ NE LT LE GT GE AND OR XOR NOT SEL(c, a, b)
 *   BAND BOR BXOR BNOT SHL SHR       to the right the sign comes in; a shift by the width or more, or
 *                     by less than 0, leaves nothing else
 */
#ifndef NFC_SCALAR_H
#define NFC_SCALAR_H

/* Built on the others alike in every meaning. */
/* With e = exp(-|x|): (1 + 2e) / (1 + 2e + 2e^2) for x >= 0, (e^2 + 2e) / (e^2 + 2e + 2) below. */
#define MISH_E(x) EXP(NEG(ABS(x)))
#define MISH_TOP(x) SEL(GE(x, LIT(0)), ADD(LIT(1), MUL(LIT(2), MISH_E(x))), MUL(MISH_E(x), ADD(MISH_E(x), LIT(2))))
#define MISHGATE(x) DIV(MISH_TOP(x), ADD(MISH_TOP(x), SEL(GE(x, LIT(0)), MUL(LIT(2), MUL(MISH_E(x), MISH_E(x))), LIT(2))))

#endif

/* Gives every row macro of ops.def that the includer did not define an empty meaning. */
#ifndef OP
#define OP(...)
#endif
#ifndef EW1
#define EW1(...)
#endif
#ifndef EW2
#define EW2(...)
#endif
#ifndef EW
#define EW(...)
#endif
#ifndef EWN
#define EWN(...)
#endif
#ifndef IN
#define IN(...)
#endif
#ifndef IDX
#define IDX(...)
#endif
#ifndef OUT
#define OUT(...)
#endif
#ifndef ATTR
#define ATTR(...)
#endif
#ifndef TYPES
#define TYPES(...)
#endif
#ifndef ALIAS
#define ALIAS(...)
#endif
#ifndef RULE
#define RULE(...)
#endif

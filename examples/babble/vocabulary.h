/* The character of each token; written by train.py. */
static const char vocabulary[64] =
    "\n !'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwxyz";

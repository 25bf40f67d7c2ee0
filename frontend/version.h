/* The version of the compiler, as manifests name it. */
#ifndef NFC_VERSION_H
#define NFC_VERSION_H

#define NFC_VERSION "0.1.0"

#endif

/* Shared libraries that are loaded when they are first needed. */
#ifndef TENSOR_LIBRARY_H
#define TENSOR_LIBRARY_H

#include <stdbool.h>

/* NULL: it cannot be loaded; *why, where why is not NULL: the linker's reason, until the next call. */
void *library_open(const char *file, const char **why);
/* function: a pointer to the pointer that gets the address.  False: the library has no such name, and the pointer is NULL. */
bool library_symbol(void *library, const char *name, void *function);
void library_close(void *library); /* NULL is fine */

#endif

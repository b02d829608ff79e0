/* The only file that knows dlopen. */
#include "library.h"

#include <dlfcn.h>
#include <string.h>

void *library_open(const char *file, const char **why)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library && why && !(*why = dlerror()))
		*why = file;
	return library;
}

bool library_symbol(void *library, const char *name, void *function)
{
	void *p = dlsym(library, name);

	/* POSIX makes a function of dlsym's object pointer by way of its bytes. */
	memcpy(function, &p, sizeof(p));
	return p;
}

void library_close(void *library)
{
	if (library)
		dlclose(library);
}

/* The rows of one chunk of text, for text.c. */
#ifndef TENSOR_TEXT_PARSE_H
#define TENSOR_TEXT_PARSE_H

#include "formats/values.h"

enum { FIELD_SHOWN = 40 }; /* bytes of a field in a message */

/* What is wrong, and where; its line counts from the start of the chunk until it is reported. */
struct problem {
	int64_t line, column;
	char what[80]; /* "is not a number"; "": nothing is wrong */
	char field[FIELD_SHOWN + 4];
	int64_t fields; /* there are so many in the line, not as many as in the ones before; 0: that is not it */
};

struct reader {
	const char *s, *end;
	int64_t line;	/* of s, counted from 1 */
	char delimiter; /* 0: white space */
	struct values values;
	int64_t rows, columns; /* found so far; columns is -1 before the first row */
	int64_t first_line;    /* of the first row of numbers */
	int64_t *zeros;	       /* integers written as -0, by their index, ascending; owned */
	size_t nzeros, zeros_room;
	struct problem problem;
};

/* A carriage return without a newline ends a line, too. */
void text_newlines(char *s, size_t n);

/* To the next row, over blank lines and comments.  False at the end. */
bool text_find_row(struct reader *r);

/* To the start of the next line, over what is left of this one. */
void text_next_line(struct reader *r);

/* What separates the fields, 0 for white space: from the second row if it has any such, for the first may be names; else from the first. */
char text_delimiter(struct reader r);

/* Skip the row at r->s if it is one of names. */
void text_skip_header(struct reader *r);

/*
 * Parse the rows from r->s to r->end into r->values, of kind or a wider one.  -1 for want of memory; what is wrong with the text is in
 * r->problem, and rows, columns are those before it.
 */
int text_read_rows(struct reader *r, enum values_kind kind, struct error *err);

#endif

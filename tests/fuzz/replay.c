/* SPDX-License-Identifier: ISC */
/*
 * Replays files through a fuzz target where there is no libFuzzer: each argument is a file or a
 * directory, read to its leaves. Nothing replayed is a failure: an empty corpus tests nothing.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned long replayed;

static int
replay(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	size_t len = (size_t)st->st_size;
	uint8_t *data;
	FILE *f;

	(void)where;
	if (kind == FTW_D || kind == FTW_DP)
		return 0;
	if (kind != FTW_F || (f = fopen(path, "rb")) == NULL) {
		fprintf(stderr, "replay: cannot read %s\n", path);
		return 1;
	}
	/* exactly len bytes on the heap, so that a sanitizer sees a read past the end */
	data = malloc(len ? len : 1);
	if (data == NULL || fread(data, 1, len, f) != len) {
		fprintf(stderr, "replay: short read of %s\n", path);
		free(data);
		fclose(f);
		return 1;
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	replayed++;
	return 0;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
			fprintf(stderr, "replay: %s is absent, or stopped there\n", argv[i]);
			return 1;
		}
	}
	if (replayed == 0) {
		fprintf(stderr, "replay: no files; put some into the corpus\n");
		return 1;
	}
	printf("replayed %lu files\n", replayed);
	return 0;
}

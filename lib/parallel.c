/* A team of threads that pull tasks from a counter, and what they do in turn. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "engine.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static int wanted;

void engine_set_threads(int n)
{
	wanted = n;
}

int engine_threads(void)
{
	if (wanted > 0)
		return wanted;

	/* The processors that this process may use; sysconf would open files of /sys to count those of the machine. */
	cpu_set_t set;
	long n = sched_getaffinity(0, sizeof(set), &set) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);

	return n < 1 ? 1 : n > 256 ? 256 : (int)n;
}

struct team {
	task_fn *fn;
	void *arg;
	int64_t ntasks;
	atomic_llong next;
	atomic_bool failed;
	struct error *err; /* of the first task that failed, by order of tasks */
	int64_t failed_task;
	pthread_mutex_t lock;
};

struct worker {
	struct team *team;
	int index;
	pthread_t thread;
};

static void *work(void *p)
{
	struct worker *w = p;
	struct team *t = w->team;

	while (!atomic_load(&t->failed)) {
		int64_t task = atomic_fetch_add(&t->next, 1);
		struct error err = ERROR_INIT;

		if (task >= t->ntasks)
			break;
		if (!t->fn(t->arg, task, w->index, &err))
			continue;
		pthread_mutex_lock(&t->lock);
		if (!atomic_load(&t->failed) || task < t->failed_task) {
			*t->err = err;
			t->failed_task = task;
		}
		atomic_store(&t->failed, true);
		pthread_mutex_unlock(&t->lock);
	}
	return NULL;
}

int parallel(int64_t ntasks, int nworkers, task_fn *fn, void *arg, struct error *err)
{
	struct team t = { .fn = fn, .arg = arg, .ntasks = ntasks, .err = err, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct worker *w;
	int started = 1;

	if (nworkers > ntasks)
		nworkers = (int)ntasks;
	if (nworkers <= 1) {
		for (int64_t i = 0; i < ntasks; i++)
			if (fn(arg, i, 0, err))
				return -1;
		return 0;
	}
	w = calloc((size_t)nworkers, sizeof(*w));
	if (!w)
		return error_memory(err, (size_t)nworkers * sizeof(*w));
	for (int i = 0; i < nworkers; i++)
		w[i] = (struct worker){ &t, i, 0 };
	/* A thread that cannot be started is work for the others. */
	while (started < nworkers && !pthread_create(&w[started].thread, NULL, work, &w[started]))
		started++;
	work(&w[0]);
	for (int i = 1; i < started; i++)
		pthread_join(w[i].thread, NULL);
	free(w);
	return atomic_load(&t.failed) ? -1 : 0;
}

int turns_wait(struct turns *t, int64_t key)
{
	int ret;

	for (int i = 0; i < t->looks; i++) {
		if (atomic_load_explicit(&t->next, memory_order_acquire) == key)
			break;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	pthread_mutex_lock(&t->lock);
	while (atomic_load(&t->next) < key && key < t->stop)
		pthread_cond_wait(&t->changed, &t->lock);
	ret = atomic_load(&t->next) == key && key < t->stop ? 0 : -1;
	pthread_mutex_unlock(&t->lock);
	return ret;
}

void turns_pass(struct turns *t, int64_t next)
{
	pthread_mutex_lock(&t->lock);
	atomic_store_explicit(&t->next, next, memory_order_release);
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void turns_stop(struct turns *t, int64_t key)
{
	pthread_mutex_lock(&t->lock);
	if (key < t->stop)
		t->stop = key;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

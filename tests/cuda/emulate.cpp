/* The machine behind emulate.h: the table of kernels, blocks, fibers, barriers. */
#include "emulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <map>
#include <string>

/* Last, because standard headers use some of CUDA's words for themselves. */
#include "emulate_names.h"

#include "cuda/tensor.cu"

extern "C" char __start_emulated_shared[] __attribute__((weak)), __stop_emulated_shared[] __attribute__((weak));

namespace emulate
{

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* == the table == */

static std::vector<kernel> &table()
{
	static std::vector<kernel> all;

	return all;
}

registration::registration(const char *name, void (*function)(), void (*call)(void (*)(), void *const *),
			   std::vector<parameter> parameters, unsigned threads)
{
	table().push_back({ name, function, call, std::move(parameters), threads });
}

const std::vector<kernel> &kernels()
{
	return table();
}

const kernel *find(const char *name)
{
	static const std::map<std::string, const kernel *> by_name = [] {
		std::map<std::string, const kernel *> m;

		for (const kernel &k : table())
			m[k.name] = &k;
		return m;
	}();
	auto found = by_name.find(name);

	return found == by_name.end() ? NULL : found->second;
}

/* == chance == */

static uint64_t random_state = 88172645463325252u;

void seed(uint64_t s)
{
	random_state = s * 0x9e3779b97f4a7c15u + 88172645463325252u;
	if (!random_state)
		random_state = 1;
}

static uint64_t random_bits()
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* == fibers == */

enum { STACK = 256 << 10, WARP = 32, MAX_THREADS = 1024 };

enum state { READY, WAITS_BLOCK, WAITS_WARP, DONE };

#if defined(__x86_64__)
struct context {
	void *stack_pointer;
};
#else
typedef ucontext_t context;
#endif

struct fiber {
	context registers;
	char *stack;
	enum state state;
	/* what it waits for */
	operation op;
	unsigned mask, lane;
	int width;
	uint64_t value;
};

static fiber fibers[MAX_THREADS];
static context scheduler; /* while a fiber runs */
static fiber *running;	  /* NULL outside of the blocks of a KERNEL_BLOCK */
static const kernel *current;
static void *const *current_args;
static char failure[200];

static void fail(const char *what)
{
	if (!failure[0])
		snprintf(failure, sizeof(failure), "%s: block %u, thread %u: %s", current->name, blockIdx.x,
			 threadIdx.x, what);
}

/* -- switching stacks -- */

#if defined(__x86_64__)
/* Saves the registers that a call preserves on this stack and goes on with another. */
extern "C" void emulate_switch(void **save, void *load);
asm(".text\n"
    ".type emulate_switch,@function\n"
    "emulate_switch:\n"
    "	pushq %rbp\n	pushq %rbx\n	pushq %r12\n	pushq %r13\n	pushq %r14\n	pushq %r15\n"
    "	movq %rsp,(%rdi)\n"
    "	movq %rsi,%rsp\n"
    "	popq %r15\n	popq %r14\n	popq %r13\n	popq %r12\n	popq %rbx\n	popq %rbp\n"
    "	ret\n");

static void context_switch(context *from, context *to)
{
	emulate_switch(&from->stack_pointer, to->stack_pointer);
}

static void context_make(context *c, char *stack, void (*function)())
{
	/* As if function had been called: its return address (nobody's), its own address, six registers. */
	void **top = (void **)(stack + STACK) - 1;

	*top = NULL;
	*--top = (void *)function;
	c->stack_pointer = top - 6;
}
#else
static void context_switch(context *from, context *to)
{
	swapcontext(from, to);
}

static void context_make(context *c, char *stack, void (*function)())
{
	getcontext(c);
	c->uc_stack.ss_sp = stack;
	c->uc_stack.ss_size = STACK;
	c->uc_link = NULL;
	makecontext(c, function, 0);
}
#endif

static void fiber_main()
{
	current->call(current->function, current_args);
	running->state = DONE;
	context_switch(&running->registers, &scheduler);
}

static void fiber_start(fiber *f)
{
	if (!f->stack) {
		f->stack = (char *)mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (f->stack == MAP_FAILED) {
			perror("emulate: stacks");
			abort();
		}
	}
	context_make(&f->registers, f->stack, fiber_main);
	f->state = READY;
}

uint64_t meet(operation op, unsigned mask, uint64_t value, unsigned lane, int width)
{
	fiber *self = running;

	if (!self) {
		fail("a KERNEL synchronises: it should be a KERNEL_BLOCK");
		return value;
	}
	if (op > SYNC_COUNT && !(mask >> threadIdx.x % WARP & 1))
		fail("a thread outside the mask of its warp operation");
	self->op = op;
	self->mask = mask;
	self->value = value;
	self->lane = lane;
	self->width = width;
	self->state = op <= SYNC_COUNT ? WAITS_BLOCK : WAITS_WARP;
	context_switch(&self->registers, &scheduler);
	return self->value;
}

/* The result of lane's warp operation; values are those before it.  A lane that nobody may read gives rubbish. */
static uint64_t warp_result(const fiber *warp, const uint64_t *values, int lane)
{
	const fiber *f = &warp[lane];
	int width = f->width ? f->width : WARP, first = lane / width * width, from = lane;
	uint64_t ballot = 0;

	switch (f->op) {
	case SHUFFLE:
		from = first + (int)(f->lane % (unsigned)width);
		break;
	case SHUFFLE_UP:
		from = lane - (int)f->lane >= first ? lane - (int)f->lane : lane;
		break;
	case SHUFFLE_DOWN:
		from = lane + (int)f->lane < first + width ? lane + (int)f->lane : lane;
		break;
	case SHUFFLE_XOR:
		from = (lane ^ (int)f->lane) < first + width ? lane ^ (int)f->lane : lane;
		break;
	case BALLOT:
		for (int i = 0; i < WARP; i++)
			ballot |= (f->mask >> i & 1 ? values[i] : 0) << i;
		return ballot;
	default:
		return 0;
	}
	return f->mask >> from & 1 ? values[from] : 0xdeadbeefdeadbeefu;
}

/* Lets the threads of a warp go on whose partners are all there. */
static bool release_warp(fiber *warp, int n)
{
	uint64_t values[WARP];
	unsigned go = 0;

	for (int i = 0; i < n; i++) {
		bool all = warp[i].state == WAITS_WARP;

		for (int j = 0; all && j < WARP; j++)
			if (warp[i].mask >> j & 1)
				all = j < n && warp[j].state == WAITS_WARP && warp[j].op == warp[i].op &&
				      warp[j].mask == warp[i].mask;
		go |= (unsigned)all << i;
		values[i] = warp[i].value;
	}
	for (int i = 0; i < n; i++)
		if (go >> i & 1)
			warp[i].value = warp_result(warp, values, i);
	for (int i = 0; i < n; i++)
		if (go >> i & 1)
			warp[i].state = READY;
	return go != 0;
}

/* All threads wait or are done: who may go on?  False: nobody. */
static bool release(int n)
{
	int waiting = 0, done = 0, count = 0, kind = -1;
	bool any = false;

	for (int w = 0; w < n; w += WARP)
		any |= release_warp(&fibers[w], n - w < WARP ? n - w : WARP);
	if (any)
		return true;
	for (int i = 0; i < n; i++) {
		done += fibers[i].state == DONE;
		if (fibers[i].state != WAITS_BLOCK)
			continue;
		waiting++;
		count += fibers[i].value != 0;
		if (kind >= 0 && kind != (int)fibers[i].op)
			return false;
		kind = (int)fibers[i].op;
	}
	if (!waiting || waiting + done < n)
		return false;
	for (int i = 0; i < n; i++)
		if (fibers[i].state == WAITS_BLOCK) {
			fibers[i].value = (uint64_t)count;
			fibers[i].state = READY;
		}
	return true;
}

static uint3 thread_index(unsigned t)
{
	return { t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y };
}

static void run_block(int n)
{
	static int order[MAX_THREADS];

	/* weak: there may be no such section */
	if (__start_emulated_shared)
		memset(__start_emulated_shared, 0xa5, (size_t)(__stop_emulated_shared - __start_emulated_shared));
	for (int i = 0; i < n; i++) {
		fiber_start(&fibers[i]);
		order[i] = i;
	}
	do {
		for (int i = n - 1; i > 0; i--)
			std::swap(order[i], order[random_bits() % (uint64_t)(i + 1)]);
		for (int i = 0; i < n; i++) {
			if (fibers[order[i]].state != READY)
				continue;
			running = &fibers[order[i]];
			threadIdx = thread_index((unsigned)order[i]);
			context_switch(&scheduler, &running->registers);
		}
	} while (!failure[0] && release(n));
	running = NULL;
	for (int i = 0; i < n && !failure[0]; i++)
		if (fibers[i].state != DONE) {
			threadIdx = thread_index((unsigned)i);
			fail(fibers[i].state == WAITS_WARP ? "waits for a lane of its warp that never comes"
							   : "waits at a barrier that others never reach");
		}
}

static uint64_t common_divisor(uint64_t x, uint64_t y)
{
	return y ? common_divisor(y, x % y) : x;
}

/* Threads that never meet: in the order first, first + step, ... modulo their number. */
static void run_loop(uint64_t n)
{
	uint64_t step, at = random_bits() % n;

	do
		step = random_bits() % n;
	while (common_divisor(step, n) != 1);
	for (uint64_t i = 0; i < n; i++) {
		threadIdx = thread_index((unsigned)at);
		current->call(current->function, current_args);
		at = (at + step) % n;
	}
}

const char *launch(const kernel *k, dim3 grid, dim3 block, void *const *args)
{
	uint64_t threads = (uint64_t)block.x * block.y * block.z, blocks = (uint64_t)grid.x * grid.y * grid.z;

	failure[0] = 0;
	current = k;
	current_args = args;
	gridDim = grid;
	blockDim = block;
	if (!threads || threads > MAX_THREADS || !blocks || (k->threads && threads != k->threads))
		fail("a grid or block of a size that it cannot have");
	for (uint64_t first = random_bits() % (blocks ? blocks : 1), i = 0; i < blocks && !failure[0]; i++) {
		uint64_t b = (first + i) % blocks;

		blockIdx = { (unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y) };
		if (k->threads)
			run_block((int)threads);
		else
			run_loop(threads);
	}
	return failure[0] ? failure : NULL;
}

} // namespace emulate

/* A clock that is set forward: preloaded into a program, it adds seconds to the clock that only goes forward.
 *
 * LATER names a file that the test and this share: how many seconds, a number of 64 bits. What asks libc for CLOCK_MONOTONIC sees
 * it, as std::time::Instant does. The kernel does not: where a moment of that clock is waited for, it is told the right one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *later;

__attribute__((constructor)) static void open_control(void) {
    const char *path = getenv("LATER");
    if (path == NULL) return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) later = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (result == 0 && clock == CLOCK_MONOTONIC && later != NULL) now->tv_sec += *later;
    return result;
}

/* Threads of Rust wait in FUTEX_WAIT_BITSET, until a moment. */
long syscall(long number, ...) {
    static long (*real)(long, ...);
    if (real == NULL) real = dlsym(RTLD_NEXT, "syscall");
    va_list rest;
    va_start(rest, number);
    long a[6];
    for (int n = 0; n < 6; n++) a[n] = va_arg(rest, long);
    va_end(rest);
    struct timespec until;
    int is_wait = number == SYS_futex && ((int)a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    if (is_wait && a[3] != 0 && !((int)a[1] & FUTEX_CLOCK_REALTIME) && later != NULL) {
        until = *(const struct timespec *)a[3];
        until.tv_sec = until.tv_sec > *later ? until.tv_sec - *later : 0;
        a[3] = (long)&until;
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

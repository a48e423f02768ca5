/* A disk that fails: preloaded into a program, it lets the n-th call that changes a file below a folder fail.
 *
 * FAILING_DISK names a file that the test and this share: five numbers of 64 bits, then the folder and a NUL.
 *   0  from which call on they fail; 0: none, and none is counted
 *   1  how many of them fail
 *   2  the error number
 *   3  calls so far
 *   4  calls that have failed
 * Calls on sockets, pipes, and files elsewhere are left alone. What goes past libc (renameat2 of rustix) is not seen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
    volatile int64_t from, count, error, calls, failed;
    char folder[];
};

static struct control *control;

__attribute__((constructor)) static void open_control(void) {
    const char *path = getenv("FAILING_DISK");
    if (path == NULL) return;
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = real(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) control = mapped;
}

static int is_below(const char *path) {
    size_t length = strlen(control->folder);
    return strncmp(path, control->folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* Whether this call is to fail. */
static int fails(const char *path) {
    if (control == NULL || control->from == 0 || !is_below(path)) return 0;
    int64_t number = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    if (number < control->from || number - control->from >= control->count) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)control->error;
    return 1;
}

static int fails_on(int fd) {
    char link[64], path[PATH_MAX];
    if (control == NULL || control->from == 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

#define REAL(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define ON_FD(type, name, parameters, arguments) \
    type name parameters { \
        static type (*real) parameters; \
        if (real == NULL) real = REAL(name); \
        if (fails_on(fd)) return -1; \
        return real arguments; \
    }

ON_FD(ssize_t, write, (int fd, const void *from, size_t count), (fd, from, count))
ON_FD(ssize_t, pwrite, (int fd, const void *from, size_t count, off_t at), (fd, from, count, at))
ON_FD(ssize_t, pwrite64, (int fd, const void *from, size_t count, off64_t at), (fd, from, count, at))
ON_FD(ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count))
ON_FD(int, fsync, (int fd), (fd))
ON_FD(int, fdatasync, (int fd), (fd))
ON_FD(int, ftruncate, (int fd, off_t length), (fd, length))
ON_FD(int, ftruncate64, (int fd, off64_t length), (fd, length))

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t count, unsigned flags) {
    static ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned);
    if (real == NULL) real = REAL(copy_file_range);
    if (fails_on(to)) return -1;
    return real(from, at, to, there, count, flags);
}

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (real == NULL) real = REAL(rename);
    if (fails(to)) return -1;
    return real(from, to);
}

int mkdir(const char *path, mode_t mode) {
    static int (*real)(const char *, mode_t);
    if (real == NULL) real = REAL(mkdir);
    if (fails(path)) return -1;
    return real(path, mode);
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        static int (*real)(const char *, int, ...); \
        if (real == NULL) real = REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        struct stat found; \
        if ((flags & O_CREAT) && stat(path, &found) != 0 && fails(path)) return -1; \
        return real(path, flags, mode); \
    }

OPENS(open)
OPENS(open64)

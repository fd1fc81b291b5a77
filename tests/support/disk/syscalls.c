/* System calls on some files of a program fail, when a test says so: preloaded ($LD_PRELOAD).
 *
 * $FAILING_FILES names them: absolute paths between colons, each with all that is below it.
 * $FAILING_CONTROL is a file that holds a `struct control`; whoever maps it arms the library and
 * reads what it has done (syscalls.py). Lives that are forked share it.
 *
 * A call that is to fail is not made. Paths are compared as they are written, after a relative one
 * is joined to its directory; descriptors are asked for theirs in /proc/self/fd.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The order of syscalls.py. */
enum kind {
    OPEN, CREATE, READ, WRITE, PREAD, PWRITE, MMAP, STAT, FSTAT, STATVFS, OPENDIR, READDIR, RENAME,
    UNLINK, MKDIR, RMDIR, LINK, FSYNC, TRUNCATE, LOCK, COPY
};

#define MOST_KINDS 32
#define MOST_ERRORS 8
#define MOST_RECORDS 256

struct record {
    int64_t kind, error;
    char path[240];
};

/* All of eight bytes, so that each is written at once. */
struct control {
    uint64_t kinds;     /* a bit for each kind that may fail */
    int64_t countdown;  /* of calls of these kinds, the one that brings it to 0 fails first */
    int64_t burst;      /* how many fail from there on; 0: none does */
    int64_t error;
    uint64_t rate;      /* of a million calls of these kinds, how many fail besides; 0: none */
    uint64_t seed;      /* of chance */
    uint64_t drawn;     /* how often it was asked */
    uint64_t faults;    /* how many there were; their records go round */
    uint64_t calls[MOST_KINDS];
    uint64_t failed[MOST_KINDS];  /* of these calls */
    int64_t errors[MOST_KINDS][MOST_ERRORS];  /* that chance may choose; 0 ends a row */
    struct record records[MOST_RECORDS];
};

static struct control *control;
static const char *files;

#define EACH(DO) \
    DO(open64) DO(openat64) DO(read) DO(write) DO(pread64) DO(pwrite64) DO(mmap64) \
    DO(stat64) DO(lstat64) DO(fstatat64) DO(access) DO(fstat64) DO(statvfs64) DO(fstatvfs64) \
    DO(opendir) DO(fdopendir) DO(readdir64) DO(rename) DO(renameat) DO(unlink) DO(unlinkat) \
    DO(mkdir) DO(mkdirat) DO(rmdir) DO(link) DO(linkat) DO(fsync) DO(fdatasync) DO(ftruncate64) \
    DO(flock) DO(fcntl64) DO(copy_file_range) DO(sendfile64)

#define DECLARE(name) static __typeof__(&name) real_##name;
#define FIND(name) real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name);
EACH(DECLARE)

static void map_control(const char *path)
{
    int fd = real_open64(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *found = real_mmap64(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED)
        control = found;
}

/* Before the first call of anybody; at the latest before `main`. */
__attribute__((constructor)) static void begin(void)
{
    static bool has_begun;
    if (has_begun)
        return;
    has_begun = true;
    EACH(FIND)
    files = getenv("FAILING_FILES");
    const char *path = getenv("FAILING_CONTROL");
    if (files && path)
        map_control(path);
}

static bool is_chosen(const char *path)
{
    for (const char *file = files; file && *file;) {
        size_t length = strcspn(file, ":");
        if (!strncmp(path, file, length) && (!path[length] || path[length] == '/'))
            return true;
        file += length + (file[length] == ':');
    }
    return false;
}

/* The absolute path of a file in a directory (or AT_FDCWD), or of the descriptor itself. */
static bool find_path(int directory, const char *path, char *whole, size_t size)
{
    if (path && path[0] == '/')
        return snprintf(whole, size, "%s", path) < (int)size;
    char link[64];
    if (directory == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, whole, size - 1);
    if (length < 0)
        return false;
    whole[length] = 0;
    if (path && path[0])
        snprintf(whole + length, size - length, "/%s", path);
    return true;
}

/* The next number of the sequence that belongs to the seed (splitmix64). */
static uint64_t drawn(void)
{
    uint64_t turn = __atomic_add_fetch(&control->drawn, 1, __ATOMIC_RELAXED);
    uint64_t x = control->seed + turn * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static int chosen_error(enum kind kind, uint64_t chance)
{
    int count = 0;
    while (count < MOST_ERRORS && control->errors[kind][count])
        count++;
    return count ? (int)control->errors[kind][chance % count] : 0;
}

/* The error that this call is to fail with; 0: none. */
static int verdict(enum kind kind)
{
    if (!(control->kinds >> kind & 1))
        return 0;
    if (control->burst) {
        int64_t left = __atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST);
        if (left <= 0 && -left < control->burst)
            return (int)control->error;
    }
    if (control->rate) {
        uint64_t chance = drawn();
        if (chance % 1000000 < control->rate)
            return chosen_error(kind, chance >> 32);
    }
    return 0;
}

static void write_down(enum kind kind, int error, const char *path)
{
    uint64_t number = __atomic_fetch_add(&control->faults, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&control->failed[kind], 1, __ATOMIC_RELAXED);
    struct record *record = &control->records[number % MOST_RECORDS];
    record->kind = kind;
    record->error = error;
    snprintf(record->path, sizeof record->path, "%.239s", path);
}

/* Whether the call fails instead of being made; errno says how. */
static bool fails(enum kind kind, int directory, const char *path)
{
    begin();
    if (!control)
        return false;
    int before = errno, error = 0;
    char whole[PATH_MAX];
    if (find_path(directory, path, whole, sizeof whole) && is_chosen(whole)) {
        __atomic_fetch_add(&control->calls[kind], 1, __ATOMIC_RELAXED);
        if ((error = verdict(kind)))
            write_down(kind, error, whole);
    }
    errno = error ? error : before;
    return error != 0;
}

static bool fails_at(enum kind kind, const char *path)
{
    return fails(kind, AT_FDCWD, path);
}

static bool fails_on(enum kind kind, int fd)
{
    return fd >= 0 && fails(kind, fd, NULL);
}

static enum kind opening(int flags)
{
    return flags & O_CREAT ? CREATE : OPEN;
}

#define WRAP(result, failure, name, is_failing, parameters, real, arguments) \
    result name parameters { return is_failing ? failure : real_##real arguments; }
#define WRAP_BOTH(result, failure, name, is_failing, parameters, arguments) \
    WRAP(result, failure, name, is_failing, parameters, name##64, arguments) \
    WRAP(result, failure, name##64, is_failing, parameters, name##64, arguments)

#define OPENING(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return fails_at(opening(flags), path) ? -1 : real_open64(path, flags, mode); \
    }
#define OPENING_AT(name) \
    int name(int at, const char *path, int flags, ...) \
    { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return fails(opening(flags), at, path) ? -1 : real_openat64(at, path, flags, mode); \
    }
OPENING(open)
OPENING(open64)
OPENING_AT(openat)
OPENING_AT(openat64)

/* What _FORTIFY_SOURCE makes of these calls. */
int __open_2(const char *path, int flags) { return open64(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }
int __openat_2(int at, const char *path, int flags) { return openat64(at, path, flags); }
int __openat64_2(int at, const char *path, int flags) { return openat64(at, path, flags); }

WRAP(ssize_t, -1, read, fails_on(READ, fd), (int fd, void *to, size_t size), read, (fd, to, size))
WRAP(ssize_t, -1, write, fails_on(WRITE, fd), (int fd, const void *from, size_t size), write,
     (fd, from, size))
WRAP_BOTH(ssize_t, -1, pread, fails_on(PREAD, fd), (int fd, void *to, size_t size, off_t at),
          (fd, to, size, at))
WRAP_BOTH(ssize_t, -1, pwrite, fails_on(PWRITE, fd),
          (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
ssize_t __read_chk(int fd, void *to, size_t size, size_t room)
{
    return size > room ? (abort(), -1) : read(fd, to, size);
}
ssize_t __pread64_chk(int fd, void *to, size_t size, off_t at, size_t room)
{
    return size > room ? (abort(), -1) : pread64(fd, to, size, at);
}
WRAP_BOTH(void *, MAP_FAILED, mmap, fails_on(MMAP, fd),
          (void *at, size_t size, int protection, int flags, int fd, off_t offset),
          (at, size, protection, flags, fd, offset))

/* With 64 bits a `struct stat` and a `struct stat64` are the same. */
#define WRAP_STAT(name, record, real) \
    WRAP(int, -1, name, fails_at(STAT, path), (const char *path, struct record *found), real, \
         (path, (struct real##_record *)found))
#define stat64_record stat64
#define lstat64_record stat64
#define statvfs64_record statvfs64
WRAP_STAT(stat, stat, stat64)
WRAP_STAT(stat64, stat64, stat64)
WRAP_STAT(lstat, stat, lstat64)
WRAP_STAT(lstat64, stat64, lstat64)
WRAP(int, -1, fstatat, fails(STAT, at, path),
     (int at, const char *path, struct stat *found, int flags), fstatat64,
     (at, path, (struct stat64 *)found, flags))
WRAP(int, -1, fstatat64, fails(STAT, at, path),
     (int at, const char *path, struct stat64 *found, int flags), fstatat64,
     (at, path, found, flags))
WRAP(int, -1, access, fails_at(STAT, path), (const char *path, int mode), access, (path, mode))
WRAP(int, -1, fstat, fails_on(FSTAT, fd), (int fd, struct stat *found), fstat64,
     (fd, (struct stat64 *)found))
WRAP(int, -1, fstat64, fails_on(FSTAT, fd), (int fd, struct stat64 *found), fstat64, (fd, found))
/* What older programs, and those built for older systems, call. */
int __xstat64(int version, const char *path, struct stat64 *found)
{
    (void)version;
    return stat64(path, found);
}
int __lxstat64(int version, const char *path, struct stat64 *found)
{
    (void)version;
    return lstat64(path, found);
}
int __fxstat64(int version, int fd, struct stat64 *found)
{
    (void)version;
    return fstat64(fd, found);
}
WRAP(int, -1, statvfs, fails_at(STATVFS, path), (const char *path, struct statvfs *found),
     statvfs64, (path, (struct statvfs64 *)found))
WRAP(int, -1, statvfs64, fails_at(STATVFS, path), (const char *path, struct statvfs64 *found),
     statvfs64, (path, found))
WRAP(int, -1, fstatvfs, fails_on(STATVFS, fd), (int fd, struct statvfs *found), fstatvfs64,
     (fd, (struct statvfs64 *)found))
WRAP(int, -1, fstatvfs64, fails_on(STATVFS, fd), (int fd, struct statvfs64 *found), fstatvfs64,
     (fd, found))

WRAP(DIR *, NULL, opendir, fails_at(OPENDIR, path), (const char *path), opendir, (path))
WRAP(DIR *, NULL, fdopendir, fails_on(OPENDIR, fd), (int fd), fdopendir, (fd))
WRAP(struct dirent64 *, NULL, readdir64, fails_on(READDIR, dirfd(from)), (DIR * from), readdir64,
     (from))

WRAP(int, -1, rename, fails_at(RENAME, old) || fails_at(RENAME, new),
     (const char *old, const char *new), rename, (old, new))
WRAP(int, -1, renameat, fails(RENAME, from, old) || fails(RENAME, to, new),
     (int from, const char *old, int to, const char *new), renameat, (from, old, to, new))
WRAP(int, -1, unlink, fails_at(UNLINK, path), (const char *path), unlink, (path))
WRAP(int, -1, unlinkat, fails(flags & AT_REMOVEDIR ? RMDIR : UNLINK, at, path),
     (int at, const char *path, int flags), unlinkat, (at, path, flags))
WRAP(int, -1, mkdir, fails_at(MKDIR, path), (const char *path, mode_t mode), mkdir, (path, mode))
WRAP(int, -1, mkdirat, fails(MKDIR, at, path), (int at, const char *path, mode_t mode), mkdirat,
     (at, path, mode))
WRAP(int, -1, rmdir, fails_at(RMDIR, path), (const char *path), rmdir, (path))
WRAP(int, -1, link, fails_at(LINK, new), (const char *old, const char *new), link, (old, new))
WRAP(int, -1, linkat, fails(LINK, to, new),
     (int from, const char *old, int to, const char *new, int flags), linkat,
     (from, old, to, new, flags))

WRAP(int, -1, fsync, fails_on(FSYNC, fd), (int fd), fsync, (fd))
WRAP(int, -1, fdatasync, fails_on(FSYNC, fd), (int fd), fdatasync, (fd))
WRAP_BOTH(int, -1, ftruncate, fails_on(TRUNCATE, fd), (int fd, off_t size), (fd, size))
/* To let go of a lock on a disk of this machine never fails. */
WRAP(int, -1, flock, !(how & LOCK_UN) && fails_on(LOCK, fd), (int fd, int how), flock, (fd, how))
WRAP(ssize_t, -1, copy_file_range, fails_on(COPY, to),
     (int from, off64_t *at, int to, off64_t *there, size_t size, unsigned int flags),
     copy_file_range, (from, at, to, there, size, flags))
WRAP_BOTH(ssize_t, -1, sendfile, fails_on(COPY, to), (int to, int from, off_t *at, size_t size),
          (to, from, at, size))

static bool is_locking(int command, const void *argument)
{
    bool is_lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK
        || command == F_OFD_SETLKW;
    return is_lock && ((const struct flock *)argument)->l_type != F_UNLCK;
}

#define CONTROLLING(name) \
    int name(int fd, int command, ...) \
    { \
        va_list rest; \
        va_start(rest, command); \
        void *argument = va_arg(rest, void *); \
        va_end(rest); \
        bool locks = is_locking(command, argument); \
        return locks && fails_on(LOCK, fd) ? -1 : real_fcntl64(fd, command, argument); \
    }
CONTROLLING(fcntl)
CONTROLLING(fcntl64)

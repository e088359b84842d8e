#include "fuse-fatimg/fuse/attributes.h"

#include "fuse-fatimg/fat/timestamp.h"

#include <time.h>

namespace bootview::fuse {

namespace {

timespec time_of(std::uint16_t date, std::uint16_t time, std::uint8_t tenths,
                 const Options& options) {
    timespec result = fat::decode_time(date, time, tenths, options.zone);
    if (options.local_zone) {
        // What the clock on this machine's wall showed: let the C library find out when.
        struct tm wall {};
        ::gmtime_r(&result.tv_sec, &wall);
        wall.tm_isdst = -1;
        result.tv_sec = ::mktime(&wall);
    }
    return result;
}

// As vfat: the extension of the 8.3 name tells.
bool is_dos_program(const std::string& short_name) {
    if (short_name.size() < 4)
        return false;
    const std::string extension = short_name.substr(short_name.size() - 4);
    return extension == ".EXE" || extension == ".COM" || extension == ".BAT";
}

} // namespace

struct stat stat_of(const view::Attributes& attributes, const Options& options) {
    const fat::Entry& entry = attributes.entry;
    struct stat status {};
    status.st_ino = attributes.inode;
    status.st_uid = options.uid;
    status.st_gid = options.gid;
    status.st_blksize = static_cast<blksize_t>(attributes.cluster_size);
    if (attributes.is_directory) {
        status.st_mode = S_IFDIR | (0777 & ~options.dmask);
        status.st_nlink = 1; // "not counted": so find(1) looks into every directory
    } else {
        status.st_mode = S_IFREG | (0777 & ~options.fmask);
        status.st_nlink = 1;
        status.st_size = entry.size;
        const std::uint64_t cluster = attributes.cluster_size;
        status.st_blocks =
            static_cast<blkcnt_t>((entry.size + cluster - 1) / cluster * cluster / 512);
        if (options.showexec && !is_dos_program(entry.short_name))
            status.st_mode &= ~mode_t{0111};
    }
    // Windows marks directories so that have an icon; only whoever asks takes it seriously.
    if ((entry.attributes & fat::attribute_read_only) != 0 &&
        (!attributes.is_directory || options.rodir))
        status.st_mode &= ~mode_t{0222};
    if (attributes.has_entry) {
        status.st_mtim = time_of(entry.modified_date, entry.modified_time, 0, options);
        status.st_ctim = status.st_mtim; // as Linux: the creation time is not a change time
        status.st_atim = time_of(entry.accessed_date, 0, 0, options);
    }
    return status;
}

} // namespace bootview::fuse

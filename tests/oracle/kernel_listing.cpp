// kernel-listing DIRECTORY OUTPUT: what the kernel's vfat driver shows of each image in DIRECTORY,
// in files listing-N in the directory OUTPUT. Runs in the guest only, as root.
//
// An image begins with a line `image NAME`. For the whole of it, and for each partition that the
// kernel itself finds, there is a line `mount whole|pN ok|ERRNO sectors=512|4096` and what
// tree_listing.h says. Mount options are those of the file NAME.options beside it, after the usual
// ones.
#include "tree_listing.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <linux/loop.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

// How many work side by side: the guest has as many processors.
constexpr std::size_t workers = 2;

// Of this worker.
std::string mountpoint, scratch;

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    auto* const stream = opendir(directory.c_str());
    if (stream == nullptr)
        return names;
    while (const auto* const entry = readdir(stream))
        if (entry->d_name[0] != '.')
            names.emplace_back(entry->d_name);
    closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
}

std::string first_line(const std::string& path) {
    std::string line;
    std::getline(std::ifstream{path} >> std::ws, line);
    return line;
}

// A loop device over one image, with the partitions that the kernel finds in it.
class Loop {
public:
    Loop(const std::string& image, unsigned sector) {
        const int file = open(image.c_str(), O_RDONLY | O_CLOEXEC);
        const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        loop_config config{};
        config.fd = static_cast<__u32>(file);
        config.block_size = sector;
        config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_PARTSCAN;
        // The other worker may be quicker to take the free one.
        do {
            if (device_ >= 0)
                close(device_);
            name_ = "loop" + std::to_string(ioctl(control, LOOP_CTL_GET_FREE));
            device_ = open(("/dev/" + name_).c_str(), O_RDONLY | O_CLOEXEC);
            error_ = ioctl(device_, LOOP_CONFIGURE, &config) == 0 ? 0 : errno;
        } while (error_ == EBUSY);
        close(control);
        close(file);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        ioctl(device_, LOOP_CLR_FD);
        close(device_);
    }

    int error() const { return error_; }
    std::string whole() const { return "/dev/" + name_; }

    // (number, device), by number.
    std::vector<std::pair<int, std::string>> partitions() const {
        std::vector<std::pair<int, std::string>> found;
        for (const auto& entry : names_in("/sys/block/" + name_)) {
            const auto number = first_line("/sys/block/" + name_ + '/' + entry + "/partition");
            if (number.empty())
                continue;
            const auto numbers = first_line("/sys/block/" + name_ + '/' + entry + "/dev");
            const auto colon = numbers.find(':');
            const auto device = scratch + "/partition-" + number;
            unlink(device.c_str());
            mknod(device.c_str(), S_IFBLK | 0600,
                  makedev(static_cast<unsigned>(std::stoul(numbers)),
                          static_cast<unsigned>(std::stoul(numbers.substr(colon + 1)))));
            found.emplace_back(std::stoi(number), device);
        }
        std::sort(found.begin(), found.end());
        return found;
    }

private:
    std::string name_;
    int device_ = -1;
    int error_ = 0;
};

bool try_mount(const std::string& device, const std::string& options, const std::string& what,
               unsigned sector, bool say_failure) {
    if (mount(device.c_str(), mountpoint.c_str(), "vfat", MS_RDONLY, options.c_str()) != 0) {
        if (say_failure)
            std::printf("mount %s %s sectors=%u\n", what.c_str(), oracle::errno_name(errno).c_str(),
                        sector);
        return false;
    }
    std::printf("mount %s ok sectors=%u\n", what.c_str(), sector);
    oracle::list_tree(mountpoint, {}, stdout);
    // Nothing of this program is open there; something of the kernel may be, for a moment.
    while (umount(mountpoint.c_str()) != 0 && errno == EBUSY)
        usleep(10'000);
    return true;
}

// False: nothing there, as far as this size of sectors goes.
bool list_image(const std::string& path, const std::string& options, unsigned sector, bool last) {
    const Loop loop(path, sector);
    if (loop.error() != 0) {
        std::printf("loop %s\n", oracle::errno_name(loop.error()).c_str());
        return true;
    }
    const auto partitions = loop.partitions();
    bool found = false;
    for (const auto& [number, device] : partitions)
        found |= try_mount(device, options, "p" + std::to_string(number), sector, true);
    return try_mount(loop.whole(), options, "whole", sector, found || last) || found ||
           !partitions.empty();
}

// Lists every image whose number is this worker's.
void work(const std::string& directory, std::size_t worker) {
    using Clock = std::chrono::steady_clock;
    std::size_t number = 0;
    for (const auto& name : names_in(directory)) {
        if (name.ends_with(".options") || name == "lost+found" || number++ % workers != worker)
            continue;
        const auto begin = Clock::now();
        std::printf("image %s\n", name.c_str());
        auto options = std::string{"umask=022"};
        if (const auto more = first_line(directory + '/' + name + ".options"); !more.empty())
            options += ',' + more;
        if (!list_image(directory + '/' + name, options, 512, false))
            list_image(directory + '/' + name, options, 4096, true);
        const auto took = std::chrono::duration<double>(Clock::now() - begin).count();
        if (took > 2)
            std::fprintf(stderr, "%s: %.1f s\n", name.c_str(), took);
    }
}

} // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fputs("kernel-listing: name the directory of the images, and one to write to\n",
                   stderr);
        return 2;
    }
    std::vector<pid_t> children;
    for (std::size_t worker = 0; worker < workers; ++worker) {
        scratch = "/tmp/worker-" + std::to_string(worker);
        mountpoint = scratch + "/mnt";
        mkdir(scratch.c_str(), 0700);
        mkdir(mountpoint.c_str(), 0700);
        const auto output = std::string{arguments[2]} + "/listing-" + std::to_string(worker);
        const auto child = fork();
        if (child == 0) {
            if (std::freopen(output.c_str(), "w", stdout) == nullptr)
                return 1;
            work(arguments[1], worker);
            return std::fclose(stdout) == 0 ? 0 : 1;
        }
        children.push_back(child);
    }
    bool good = true;
    for (const auto child : children) {
        int status = 0;
        good &= waitpid(child, &status, 0) == child && status == 0;
    }
    return good ? 0 : 1;
}

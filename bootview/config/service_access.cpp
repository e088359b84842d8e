#include "bootview/config/service_access.h"

#include "common/shell_word.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

class User {
public:
    explicit User(const passwd& user) : id_(user.pw_uid), groups_(64) {
        int count = static_cast<int>(groups_.size());
        ::getgrouplist(user.pw_name, user.pw_gid, groups_.data(), &count);
        groups_.resize(static_cast<std::size_t>(std::clamp(count, 0, 64)));
    }

    // All of `wanted`, of S_IROTH and its like.
    bool may(const std::string& path, mode_t wanted) const {
        struct stat status {};
        if (id_ == 0 || ::stat(path.c_str(), &status) != 0)
            return true;
        if (::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0)
            return true; // it says more than the bits
        const bool is_of_group =
            std::find(groups_.begin(), groups_.end(), status.st_gid) != groups_.end();
        const mode_t mode = status.st_uid == id_ ? status.st_mode >> 6
                            : is_of_group        ? status.st_mode >> 3
                                                 : status.st_mode;
        return (mode & wanted) == wanted;
    }

private:
    uid_t id_;
    std::vector<gid_t> groups_;
};

} // namespace

ServiceAccess service_access(const std::string& path, const std::string& user) {
    const passwd* const entry = ::getpwnam(user.c_str()); // NOLINT(concurrency-mt-unsafe)
    std::error_code error;
    const fs::path image = fs::canonical(path, error); // what a link names is what is opened
    if (entry == nullptr || error)
        return {};
    static constexpr std::array hidden{"/home/", "/root/", "/run/user/"};
    for (const std::string_view place : hidden)
        if (image.string().starts_with(place))
            return {Access::none,
                    fmt::format("the units can't see what lies below {}; type: sudo mv {} "
                                "/var/lib/bootview/images/",
                                place, shell_word(image.string()))};
    const User service(*entry);
    fs::path way;
    for (const auto& part : image.parent_path()) {
        way /= part;
        if (!service.may(way.string(), S_IXOTH))
            return {Access::none,
                    fmt::format("the user {} of the units may not enter {}; type: sudo chmod o+x "
                                "{}",
                                user, way.string(), shell_word(way.string()))};
    }
    const auto fix = fmt::format("sudo chown {}: {}", user, shell_word(image.string()));
    if (!service.may(image.string(), S_IROTH))
        return {Access::none,
                fmt::format("the user {} of the units may not read it; type: {}", user, fix)};
    if (!service.may(image.string(), S_IWOTH))
        return {Access::read_only,
                fmt::format("the user {} of the units may not write to it, and so no client may; "
                            "type: {}",
                            user, fix)};
    return {};
}

} // namespace bootview::config

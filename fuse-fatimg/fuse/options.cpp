#include "fuse-fatimg/fuse/options.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::fuse {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw UsageError(message);
}

unsigned long number(std::string_view name, const std::string& value, int base,
                     unsigned long maximum) {
    char* end = nullptr;
    const unsigned long result = std::strtoul(value.c_str(), &end, base);
    if (value.empty() || value[0] == '-' || *end != '\0' || result > maximum)
        refuse(fmt::format("-o {}={}: must be {} number of at most {}", name, value,
                           base == 8 ? "an octal" : "a",
                           base == 8 ? fmt::format("{:o}", maximum) : fmt::format("{}", maximum)));
    return result;
}

mode_t mask(std::string_view name, const std::string& value) {
    return static_cast<mode_t>(number(name, value, 8, 0777));
}

void set_partition(Options& o, const std::string& value) {
    o.partition = {};
    if (value == "all")
        o.partition.all = true;
    else
        o.partition.number = static_cast<unsigned>(number("partition", value, 10, 4096));
}

// "+01:00", "-0530"
void set_zone(Options& o, const std::string& value) {
    o.local_zone = value == "local";
    o.zone = 0;
    if (value == "UTC" || value == "utc" || o.local_zone)
        return;
    std::string digits = value.substr(std::min<std::size_t>(1, value.size()));
    std::erase(digits, ':');
    if (value.empty() || (value[0] != '+' && value[0] != '-') || digits.size() != 4 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
        refuse(fmt::format("-o tz={}: must be UTC, local, or an offset such as +02:00", value));
    const int hhmm = std::atoi(digits.c_str()); // NOLINT: four digits
    o.zone = (hhmm / 100 * 60 + hhmm % 100) * 60 * (value[0] == '-' ? -1 : 1);
}

struct Option {
    std::string_view name;
    bool takes_value;
    void (*set)(Options&, const std::string&);
};

constexpr auto maximum_id = std::numeric_limits<uid_t>::max();

constexpr std::array table{
    Option{"allow_other", false, [](Options& o, const std::string&) { o.allow_other = true; }},
    Option{"codepage", true,
           [](Options&, const std::string& v) {
               if (v != "437" && v != "cp437")
                   refuse(fmt::format("-o codepage={}: only 437 is known; names beyond ASCII in "
                                      "8.3 names of other code pages would be wrong",
                                      v));
           }},
    Option{"default_permissions", false,
           [](Options& o, const std::string&) { o.default_permissions = true; }},
    Option{"direct_io", false, [](Options& o, const std::string&) { o.direct_io = true; }},
    Option{"dmask", true, [](Options& o, const std::string& v) { o.dmask = mask("dmask", v); }},
    Option{"fmask", true, [](Options& o, const std::string& v) { o.fmask = mask("fmask", v); }},
    Option{"gid", true,
           [](Options& o, const std::string& v) {
               o.gid = static_cast<gid_t>(number("gid", v, 10, maximum_id));
           }},
    Option{"notify", true, [](Options& o, const std::string& v) { o.notify = v; }},
    Option{"partition", true, set_partition},
    Option{"ro", false, [](Options&, const std::string&) {}},
    Option{"rw", false,
           [](Options&, const std::string&) {
               refuse("-o rw: this version shows images read-only: leave rw out, and write through "
                      "NBD or with mtools");
           }},
    Option{"tz", true, set_zone},
    Option{"uid", true,
           [](Options& o, const std::string& v) {
               o.uid = static_cast<uid_t>(number("uid", v, 10, maximum_id));
           }},
    Option{"umask", true,
           [](Options& o, const std::string& v) { o.fmask = o.dmask = mask("umask", v); }},
};

// What mount(8) and fstab put into the list for themselves. A FUSE mount is nosuid and nodev, and
// nothing in a FAT is worth the rest.
constexpr std::array<std::string_view, 17> ignored{
    "auto",   "async",  "atime",  "defaults", "dev",    "exec",     "noatime", "noauto", "nodev",
    "noexec", "nofail", "nosuid", "suid",     "nouser", "relatime", "user",    "users"};

} // namespace

Options defaults() {
    Options options;
    options.uid = ::geteuid();
    options.gid = ::getegid();
    const mode_t umask = ::umask(0);
    ::umask(umask);
    options.fmask = options.dmask = umask;
    return options;
}

void parse_mount_options(const std::string& list, Options& options) {
    std::size_t begin = 0;
    while (begin <= list.size()) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string item = list.substr(begin, end - begin);
        begin = end + 1;
        const std::size_t equals = item.find('=');
        const std::string name = item.substr(0, equals);
        if (item.empty() || name.starts_with("x-") || name.starts_with("_net") ||
            std::find(ignored.begin(), ignored.end(), name) != ignored.end())
            continue;
        const auto option = std::find_if(table.begin(), table.end(),
                                         [&](const Option& o) { return o.name == name; });
        if (option == table.end())
            refuse(fmt::format("-o {}: unknown option: fuse-fatimg(1) lists them all", name));
        if (option->takes_value != (equals != std::string::npos))
            refuse(fmt::format("-o {}: {}", name,
                               option->takes_value ? "needs a value" : "takes no value"));
        option->set(options, option->takes_value ? item.substr(equals + 1) : std::string{});
    }
}

} // namespace bootview::fuse

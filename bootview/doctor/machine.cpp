#include "bootview/doctor/machine.h"

#include "bootview/doctor/from_preflight.h"
#include "bootview/paths.h"
#include "bootview/preflight.h"
#include "bootview/run_command.h"
#include "common/read_whole.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace bootview::doctor {

namespace {

constexpr std::pair<unsigned, unsigned> oldest_nbdkit{1, 24};
constexpr rlim_t enough_descriptors = 1024;

bool asks_for_others(const std::vector<std::string>& view_options) {
    for (const std::string& list : view_options) {
        std::istringstream words(list);
        for (std::string word; std::getline(words, word, ',');)
            if (word == "allow_other" || word == "allow_root")
                return true;
    }
    return false;
}

// Gives what it is called for a line about all that is well.
std::string check_nbdkit_and_plugin(const Machine& machine, Findings& findings) {
    std::string nbdkit;
    if (const auto failed =
            failure_of([&] { nbdkit = preflight::check_nbdkit(machine.search_path); })) {
        findings.fail("nbdkit-missing", failed->thing, failed->what, "apt install nbdkit");
        return {};
    }
    const auto version = parse_nbdkit_version(run_command({nbdkit, "--version"}).output);
    if (!version) {
        findings.fail("nbdkit-broken", nbdkit, "does not say its version, so it does not run here",
                      "apt install --reinstall nbdkit");
        return {};
    }
    if (*version < oldest_nbdkit) {
        findings.fail("nbdkit-too-old", nbdkit,
                      fmt::format("is version {}.{}, and the plugin needs {}.{} or newer",
                                  version->first, version->second, oldest_nbdkit.first,
                                  oldest_nbdkit.second),
                      "apt install nbdkit");
        return {};
    }
    const std::string plugin = plugin_argument(machine.own_directory);
    const CommandResult loaded = run_command({nbdkit, plugin, "--dump-plugin"});
    if (loaded.status != 0) {
        std::string reason = loaded.errors.substr(0, loaded.errors.find('\n'));
        findings.fail("nbdkit-plugin-missing", fmt::format("nbdkit's plugin {}", plugin),
                      fmt::format("can't be loaded ({})", reason),
                      "apt install nbdkit-plugin-bootview");
        return {};
    }
    return fmt::format("nbdkit {}.{}", version->first, version->second);
}

bool check_siblings(const Machine& machine, Findings& findings) {
    bool good = true;
    for (const char* name : {"fuse-fatimg", "tftp-bridge"})
        if (const auto failed = failure_of([&] {
                preflight::check_sibling(name, machine.own_directory, machine.search_path);
            })) {
            findings.fail("program-missing", failed->thing, failed->what,
                          fmt::format("apt install {}", name));
            good = false;
        }
    return good;
}

bool check_fuse(const Machine& machine, Findings& findings) {
    bool good = true;
    const auto fail = [&](const char* id, std::string thing, std::string what, std::string fix) {
        findings.fail(id, std::move(thing), std::move(what), std::move(fix));
        good = false;
    };
    if (const auto failed = failure_of([] { preflight::check_fuse_device("/dev/fuse"); })) {
        if (::access("/dev/fuse", F_OK) != 0)
            fail("fuse-device-missing", failed->thing, failed->what, "modprobe fuse");
        else
            fail("fuse-device-denied", failed->thing, failed->what, "chmod 666 /dev/fuse");
    }
    if (machine.root) // mounts by itself
        return good;
    if (const auto failed =
            failure_of([&] { preflight::check_fusermount(false, machine.search_path); }))
        fail("fusermount-missing", failed->thing, failed->what, "apt install fuse3");
    else if (struct stat status{};
             ::stat(find_in_path("fusermount3", "/usr/bin:" + machine.search_path)->c_str(),
                    &status) == 0 &&
             (status.st_mode & S_ISUID) == 0)
        fail("fusermount-not-setuid", "fusermount3",
             "is not set-user-ID root, so this user can't mount with it",
             fmt::format("chmod u+s {}", shell_word(*find_in_path(
                                             "fusermount3", "/usr/bin:" + machine.search_path))));
    if (::access("/etc/mtab", R_OK) != 0)
        fail("mtab-missing", "/etc/mtab", "can't be read, and fusermount3 does not unmount then",
             "ln -s /proc/self/mounts /etc/mtab");
    if (asks_for_others(machine.view_options) &&
        !fuse_conf_allows_other(read_whole("/etc/fuse.conf")))
        fail("fuse-conf-user-allow-other", "/etc/fuse.conf",
             "has no line user_allow_other, without which only root may mount with allow_other",
             "echo user_allow_other >>/etc/fuse.conf");
    return good;
}

void check_limits(Findings& findings) {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < enough_descriptors)
        findings.warn("descriptor-limit-low", "limit of open files",
                      fmt::format("is {}; with many clients at once it is reached", limit.rlim_cur),
                      fmt::format("ulimit -n {}", enough_descriptors));
}

} // namespace

std::optional<std::pair<unsigned, unsigned>> parse_nbdkit_version(std::string_view text) {
    constexpr std::string_view prefix = "nbdkit ";
    if (!text.starts_with(prefix))
        return std::nullopt;
    text.remove_prefix(prefix.size());
    const char* end = text.data() + text.size();
    std::pair<unsigned, unsigned> version;
    const auto major = std::from_chars(text.data(), end, version.first);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.')
        return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, version.second);
    return minor.ec == std::errc{} ? std::optional(version) : std::nullopt;
}

bool fuse_conf_allows_other(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        line = line.substr(0, line.find('#'));
        std::istringstream words(line);
        std::string word;
        if (words >> word && word == "user_allow_other")
            return true;
    }
    return false;
}

void check_clock(std::chrono::system_clock::time_point now,
                 std::chrono::system_clock::time_point written, const std::string& what,
                 Findings& findings) {
    if (now + std::chrono::hours(1) >= written)
        return;
    const auto day = [](auto time) {
        return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
    };
    findings.warn("clock-implausible", "clock",
                  fmt::format("says {}, and {} was written on {}: files get wrong times, and "
                              "certificates don't verify",
                              day(now), what, day(written)),
                  "timedatectl set-ntp true");
}

void check_machine(const Machine& machine, Findings& findings) {
    const std::string nbdkit = check_nbdkit_and_plugin(machine, findings);
    const bool siblings = check_siblings(machine, findings);
    const bool fuse = check_fuse(machine, findings);
    check_limits(findings);
    struct stat status {};
    if (::stat("/proc/self/exe", &status) == 0)
        check_clock(std::chrono::system_clock::now(),
                    std::chrono::system_clock::from_time_t(status.st_mtime), "bootview itself",
                    findings);
    if (!nbdkit.empty() && siblings && fuse)
        findings.fine("machine", "programs", nbdkit + " with its plugin, fuse-fatimg, tftp-bridge");
}

} // namespace bootview::doctor

// fuse-fatimg: shows the FAT partitions inside disk images as ordinary files, coherently with an
// NBD client that writes them, without root and without loop devices.
//
//     main.cpp      start and end
//     fuse/         the kernel's requests, put to the view
//     view/         versions of files, kept true to the image (start reading at view/view.h)
//     fat/          the format: bytes in, values out
//     partition/    partition tables: the same
//     image/        the bytes
// Each uses only what stands below it.
#include "common/service_notify.h"
#include "fuse-fatimg/fuse/fuse_api.h"
#include "fuse-fatimg/fuse/invalidator.h"
#include "fuse-fatimg/fuse/operations.h"
#include "fuse-fatimg/fuse/options.h"
#include "fuse-fatimg/fuse/preflight.h"
#include "fuse-fatimg/fuse/tender.h"
#include "fuse-fatimg/fuse/view_report.h"
#include "fuse-fatimg/image/nbd.h"
#include "fuse-fatimg/image/packed.h"
#include "fuse-fatimg/list.h"
#include "fuse-fatimg/log.h"
#include "fuse-fatimg/view/contents.h"
#include "fuse-fatimg/view/view.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::fuse {

namespace {

// libfuse's own words about a failure; printed with ours, as one line.
std::string last_fuse_message; // NOLINT: libfuse's callback has no user data

[[gnu::format(printf, 2, 0)]] void take_fuse_message(fuse_log_level, const char* format,
                                                     va_list arguments) {
    char text[512];
    std::vsnprintf(text, sizeof text, format, arguments);
    last_fuse_message = text;
    while (!last_fuse_message.empty() && last_fuse_message.back() == '\n')
        last_fuse_message.pop_back();
}

// libfuse takes its part of the options as an argument vector.
class Arguments {
public:
    void add(const std::string& argument) {
        if (::fuse_opt_add_arg(&arguments_, argument.c_str()) != 0)
            throw std::bad_alloc{};
    }
    Arguments() { add("fuse-fatimg"); }
    ~Arguments() { ::fuse_opt_free_args(&arguments_); }
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;
    fuse_args* get() { return &arguments_; }

private:
    fuse_args arguments_ = FUSE_ARGS_INIT(0, nullptr);
};

// A mounted session, and the way back.
class Session {
public:
    Session(Mount& mount, const Options& options) {
        Arguments arguments;
        // In an -o list a comma separates and a backslash escapes.
        std::string name;
        for (const char c : options.source) {
            if (c == ',' || c == '\\')
                name.push_back('\\');
            name.push_back(c);
        }
        std::string list = "-oro,nosuid,nodev,subtype=fatimg,fsname=" + name;
        if (options.allow_other)
            list += ",allow_other";
        if (options.allow_root)
            list += ",allow_root";
        if (options.default_permissions)
            list += ",default_permissions";
        arguments.add(list);
        if (options.debug)
            arguments.add("-d");
        else
            ::fuse_set_log_func(take_fuse_message);
        session_ =
            ::fuse_session_new(arguments.get(), &operations(), sizeof(fuse_lowlevel_ops), &mount);
        if (session_ == nullptr)
            throw std::runtime_error("cannot start a FUSE session: " + last_fuse_message);
        if (::fuse_set_signal_handlers(session_) != 0 ||
            ::fuse_session_mount(session_, options.mountpoint.c_str()) != 0) {
            ::fuse_remove_signal_handlers(session_);
            ::fuse_session_destroy(session_);
            throw std::runtime_error(fmt::format("{}: cannot mount here: {}", options.mountpoint,
                                                 last_fuse_message.empty() ? "see the message above"
                                                                           : last_fuse_message));
        }
    }
    ~Session() {
        ::fuse_session_unmount(session_);
        ::fuse_remove_signal_handlers(session_);
        ::fuse_session_destroy(session_);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    fuse_session* get() { return session_; }

private:
    fuse_session* session_ = nullptr;
};

int loop(fuse_session* session) {
    const std::unique_ptr<fuse_loop_config, void (*)(fuse_loop_config*)> config{
        ::fuse_loop_cfg_create(), ::fuse_loop_cfg_destroy};
    ::fuse_loop_cfg_set_clone_fd(config.get(), 0);
    ::fuse_loop_cfg_set_max_threads(config.get(), 16);
    return ::fuse_session_loop_mt(session, config.get());
}

std::shared_ptr<const fat::CodePage> code_page_of(const Options& options) {
    return std::make_shared<const fat::CodePage>(fat::CodePage::load(options.codepage));
}

// The daemon changes to /. Not resolved itself: a symbolic link to an image may be pointed to
// another one.
std::string absolute(const std::string& source) {
    std::size_t path = 0;
    if (image::is_nbd_uri(source)) {
        constexpr std::string_view parameter = "?socket=";
        path = source.find(parameter);
        if (path == std::string::npos)
            return source;
        path += parameter.size();
    }
    if (source.compare(path, 1, "/") == 0 || source.compare(path, 3, "%2F") == 0 ||
        source.compare(path, 3, "%2f") == 0)
        return source;
    char directory[PATH_MAX];
    if (::getcwd(directory, sizeof directory) == nullptr)
        throw std::system_error(errno, std::generic_category(), "getcwd");
    return fmt::format("{}{}/{}", source.substr(0, path), directory, source.substr(path));
}

void require_source(const std::string& source) {
    if (image::is_nbd_uri(source))
        return;
    char resolved[PATH_MAX];
    if (::realpath(source.c_str(), resolved) == nullptr)
        throw std::runtime_error(
            fmt::format("{}: {}: check the path of the image", source, std::strerror(errno)));
}

// What is in an image, on standard output. Gives the exit status.
int list(const Options& options, bool as_json) {
    require_source(options.source);
    struct stat status {};
    if (::stat(options.source.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
        throw std::runtime_error(
            fmt::format("{}: is a directory: --list takes one image", options.source));
    const auto source = image::open_source(options.source);
    if (const std::string reason = image::packed(*source); !reason.empty())
        throw fat::Refused(reason);
    const view::Contents contents = view::read_contents(
        [&](std::uint64_t offset, std::span<std::byte> data) { return source->read(offset, data); },
        source->size(), options.partition, *code_page_of(options));
    const std::string text =
        as_json ? list_as_json(options.source, contents) : list_as_text(options.source, contents);
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "standard output");
    return contents.refusal.empty() ? 0 : 1;
}

void serve(Options options) {
    require_source(options.source);
    options.source = absolute(options.source); // the daemon changes to /
    check_mountpoint(options);
    check_fuse(options);
    char resolved[PATH_MAX];
    if (::realpath(options.mountpoint.c_str(), resolved) != nullptr)
        options.mountpoint = resolved;
    if (!options.notify.empty() && ::realpath(options.notify.c_str(), resolved) != nullptr)
        options.notify = resolved;

    view::TreeOptions tree;
    tree.partition = options.partition;
    tree.notify = options.notify;
    tree.code_page = code_page_of(options);
    view::View view{{options.source, tree}};
    Mount mount{view, options};
    Invalidator invalidator;
    Session session{mount, options};
    drop_capabilities(); // what mounted for a user who is not root; as yet there is one thread
    if (!options.foreground) {
        if (::fuse_daemonize(0) != 0)
            throw std::system_error(errno, std::generic_category(), "fork");
        log::to_syslog();
    }
    // Threads only now: a fork keeps none.
    const auto report = ViewReport::from_environment(view, mount.stale, options.mountpoint);
    Tender tender{view, [&report] {
                      if (report)
                          report->tell_news();
                  }};
    invalidator.start(session.get());
    view.on_death([&invalidator](view::NodeId node) { invalidator.drop_pages(node); });
    view.on_surplus([&invalidator](view::NodeId directory, const std::string& name) {
        invalidator.drop_name(directory, name);
    });
    tender.start();
    log::info(fmt::format("{}: mounted at {}", view.describe(), options.mountpoint));
    notify_service_manager("READY=1");

    const int result = loop(session.get());

    notify_service_manager("STOPPING=1");
    // Before the unmount: it could wait for a notification, and a notification for it.
    tender.stop();
    view.on_death({});
    view.on_surplus({});
    invalidator.stop();
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), "FUSE");
}

struct CommandLine {
    Options options = defaults();
    bool list = false;
    bool json = false;
};

// Gives an exit status where there is nothing more to do.
std::optional<int> parse(int argc, char** argv, CommandLine& line) {
    Options& options = line.options;
    std::vector<std::string> lists;
    CLI::App app{"Shows the FAT partitions inside disk images as ordinary files.", "fuse-fatimg"};
    app.set_version_flag("--version", "fuse-fatimg " BOOTVIEW_VERSION);
    app.add_option("SOURCE", options.source, "Image, block device, NBD URI, or directory of images")
        ->required();
    app.add_option("MOUNTPOINT", options.mountpoint, "Where to show it");
    app.add_flag("-f,--foreground", options.foreground, "Stay in the foreground, log to stderr");
    app.add_flag("-d,--debug", options.debug, "Print every FUSE request (implies -f)");
    app.add_flag("--list", line.list, "Print what is in the image, and do not mount it");
    app.add_flag("--json", line.json, "Print it as JSON")->needs("--list");
    app.add_option("-o", lists, "Mount options, as with mount(8)")
        ->allow_extra_args(false)
        ->type_name("OPTION[,OPTION...]");
    app.footer(mount_options_help());
    try {
        app.parse(argc, argv);
        for (const std::string& list : lists)
            parse_mount_options(list, options);
        if (!line.list && options.mountpoint.empty())
            throw UsageError("MOUNTPOINT is missing: fuse-fatimg --help shows how");
        // mount(8) always says rw to fuse.fatimg, which runs this under that name.
        const bool is_mount =
            std::string_view{argv[0]}.ends_with("/fatimg") || std::string_view{argv[0]} == "fatimg";
        if (options.asked_to_write && !is_mount)
            throw UsageError("-o rw: this version shows images read-only: leave rw out, and write "
                             "through NBD or with mtools");
        if (options.allow_other && options.allow_root)
            throw UsageError("-o allow_other,allow_root: choose one of them");
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) // --help, --version
            return app.exit(e);
        fmt::print(stderr, "fuse-fatimg: {}: fuse-fatimg --help shows how\n", e.what());
        return 2;
    } catch (const UsageError& e) {
        fmt::print(stderr, "fuse-fatimg: {}\n", e.what());
        return 2;
    }
    options.foreground = options.foreground || options.debug;
    return std::nullopt;
}

int run(int argc, char** argv) {
    CommandLine line;
    if (const auto status = parse(argc, argv, line))
        return *status;
    const Options& options = line.options;
    try {
        if (line.list)
            return list(options, line.json);
        serve(options);
        return 0;
    } catch (const fat::Refused& e) {
        fmt::print(stderr, "fuse-fatimg: {}: {}\n", options.source, e.what());
    } catch (const std::system_error& e) {
        const bool source = e.code() == std::errc::permission_denied;
        fmt::print(stderr, "fuse-fatimg: {}: {}{}\n", options.source, e.code().message(),
                   source ? ": make it readable for this user" : "");
    } catch (const std::exception& e) {
        fmt::print(stderr, "fuse-fatimg: {}\n", e.what());
    }
    return 1;
}

} // namespace

} // namespace bootview::fuse

int main(int argc, char** argv) {
    return bootview::fuse::run(argc, argv);
}

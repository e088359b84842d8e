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
#include "fuse-fatimg/log.h"
#include "fuse-fatimg/view/view.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace bootview::fuse {

namespace {

// libfuse's own words about a failure; printed with ours, as one line.
std::string last_fuse_message; // NOLINT: libfuse's callback has no user data

void take_fuse_message(fuse_log_level, const char* format, va_list arguments) {
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

void serve(Options options) {
    // The daemon changes to /.
    char resolved[PATH_MAX];
    if (::realpath(options.source.c_str(), resolved) == nullptr)
        throw std::runtime_error(fmt::format("{}: {}: check the path of the image", options.source,
                                             std::strerror(errno)));
    // Not resolved itself: a symbolic link to an image may be pointed to another one.
    if (options.source.front() != '/') {
        char directory[PATH_MAX];
        if (::getcwd(directory, sizeof directory) == nullptr)
            throw std::system_error(errno, std::generic_category(), "getcwd");
        options.source = fmt::format("{}/{}", directory, options.source);
    }
    check_mountpoint(options);
    check_fuse(options);
    if (::realpath(options.mountpoint.c_str(), resolved) != nullptr)
        options.mountpoint = resolved;
    if (!options.notify.empty() && ::realpath(options.notify.c_str(), resolved) != nullptr)
        options.notify = resolved;

    view::TreeOptions tree;
    tree.partition = options.partition;
    tree.notify = options.notify;
    view::View view{{options.source, tree}};
    Mount mount{view, options};
    Invalidator invalidator;
    Session session{mount, options};
    if (!options.foreground) {
        if (::fuse_daemonize(0) != 0)
            throw std::system_error(errno, std::generic_category(), "fork");
        log::to_syslog();
    }
    // Threads only now: a fork keeps none.
    Tender tender{view};
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

int run(int argc, char** argv) {
    Options options = defaults();
    std::vector<std::string> lists;
    CLI::App app{"Shows the FAT partitions inside disk images as ordinary files.", "fuse-fatimg"};
    app.set_version_flag("--version", "fuse-fatimg " BOOTVIEW_VERSION);
    app.add_option("SOURCE", options.source, "Image, block device, or directory of images")
        ->required();
    app.add_option("MOUNTPOINT", options.mountpoint, "Where to show it")->required();
    app.add_flag("-f,--foreground", options.foreground, "Stay in the foreground, log to stderr");
    app.add_flag("-d,--debug", options.debug, "Print every FUSE request (implies -f)");
    app.add_option("-o", lists, "Mount options, as with mount(8): see fuse-fatimg(1)")
        ->allow_extra_args(false);
    try {
        app.parse(argc, argv);
        for (const std::string& list : lists)
            parse_mount_options(list, options);
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
    try {
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

// The real programs, started for a test: nbdkit with the plugin, fuse-fatimg, tftp-bridge.
#pragma once

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bootview::test {

std::string plugin_path();
std::string fuse_fatimg_path();
std::string tftp_bridge_path();

// What nbdkit, which is not built by us, needs to load a plugin built with a sanitizer.
std::vector<std::string> sanitizer_environment();
bool built_with_a_sanitizer();

// True when FUSE mounts can be made here; tests skip otherwise.
bool can_mount();

// Each part can be started, stopped and killed alone. Sockets, mount point and logs lie in a
// scratch directory.
class ServingStack {
public:
    explicit ServingStack(std::string image);
    ~ServingStack();

    void start_nbd();
    void start_view(const std::vector<std::string>& options = {});
    void start_tftp();
    void start_all() {
        start_nbd();
        start_view();
        start_tftp();
    }
    void unmount(); // also what a killed fuse-fatimg left behind

    ChildProcess& nbd() { return nbd_; }
    ChildProcess& view() { return view_; }
    ChildProcess& tftp() { return tftp_; }
    std::string uri() const;
    std::string socket() const { return directory_ / "nbd.sock"; }
    std::string mount() const { return directory_ / "view"; }
    std::string notify() const { return directory_ / "notify"; }
    std::uint16_t tftp_port() const { return tftp_port_; }
    std::string mode() const; // user.bootview.mode
    std::string logs() const;

private:
    TemporaryDirectory directory_;
    std::string image_;
    std::uint16_t tftp_port_ = 0;
    ChildProcess nbd_;
    ChildProcess view_;
    ChildProcess tftp_;
};

} // namespace bootview::test

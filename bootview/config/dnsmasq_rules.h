// What dnsmasq tells a machine, worked out from its configuration: which tags the machine has, and
// which lines about booting those choose. By dnsmasq's own rules (src/rfc2131.c), so that one need
// not guess what a set of tags is meant for. Pure.
#pragma once

#include "bootview/config/source_line.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bootview::config::dnsmasq {

// One that asks.
struct Machine {
    unsigned architecture = 0; // of RFC 4578
    bool ipxe = false;
    bool pi = false;
    std::string mac = {}; // lower case; empty: any that no line is about
};

// A line pxe-service.
struct Service {
    const SourceLine* line = nullptr;
    std::vector<std::string> tags = {};
    unsigned architecture = 0;
    std::string text = {};
    std::string file = {};     // with the number of the layer; empty: none
    bool other_server = false; // of a type that is looked for on the network
    std::string server = {};
};

// A line dhcp-host that is about whole MACs, or a dhcp-mac.
struct Host {
    const SourceLine* line = nullptr;
    std::vector<std::string> macs = {};
    std::set<std::string> tags = {};      // it sets
    std::vector<std::string> wanted = {}; // it has to have
    std::string name = {};
    std::string ip = {};
    bool ignored = false;
    std::string odd = {}; // a word by which a [[client]] can't be known
};

struct Told {
    bool ignored = false;
    std::string file = {};
    const SourceLine* line = nullptr; // which says the file
    std::string server = {};          // if it is not dnsmasq itself
    std::vector<const Service*> menu = {};
};

class Rules {
public:
    explicit Rules(const std::vector<SourceLine>& lines);

    // Whether a line of this key is about who is told what.
    static bool is_rule(const std::string& key);

    Told told(const Machine& machine) const;
    const SourceLine* prompt(const Machine& machine) const;
    // What a Raspberry Pi finds in option 43; empty: nothing.
    std::string pi_menu() const;

    const std::vector<Host>& hosts() const { return hosts_; }
    // The host that a MAC is told as: of several lines the last.
    const Host* host_of(const std::string& mac) const;
    // The numbers that any line names.
    const std::set<unsigned>& architectures() const { return architectures_; }
    // A proxy leaves the addresses to another server.
    bool is_proxy() const { return is_proxy_; }
    bool has_boot_lines() const { return has_boot_lines_; }
    // What dnsmasq answers PXE at all for.
    bool has_pxe_lines() const { return has_pxe_lines_; }
    // Lines that could not be understood, with why.
    const std::map<const SourceLine*, std::string>& left_out() const { return left_out_; }
    // Lines dhcp-boot, and dhcp-option for the same.
    std::vector<const SourceLine*> boot_lines() const;
    const std::vector<Service>& services() const { return services_; }

private:
    using Tags = std::set<std::string>;
    struct Boot {
        const SourceLine* line = nullptr;
        std::vector<std::string> tags = {};
        std::string file = {};
        std::string server = {};
        bool is_option = false;
    };

    void add(const SourceLine& line);
    void add_match(const SourceLine& line);
    void add_class(const SourceLine& line, bool vendor);
    void add_mac(const SourceLine& line);
    void add_host(const SourceLine& line);
    void add_range(const SourceLine& line);
    void add_boot(const SourceLine& line);
    void add_option(const SourceLine& line);
    void add_service(const SourceLine& line);
    void note_what_is_for_nobody();
    Tags tags_of(const Machine& machine) const;
    const Boot* boot_for(const Tags& tags) const;

    enum class Sign { never, always, architecture, vendor_class, ipxe, pi };
    struct Setting {
        const SourceLine* line = nullptr;
        std::string tag;
        Sign sign = Sign::never;
        unsigned architecture = 0;
        std::string text = {}; // of the vendor class
    };
    void set(const SourceLine& line, std::string tag, Sign sign, unsigned architecture = 0,
             std::string text = {});

    struct Range {
        std::string sets;
        std::vector<std::string> wanted;
    };
    struct TagIf {
        std::vector<std::string> wanted;
        std::vector<std::string> sets;
    };
    struct TaggedLine {
        const SourceLine* line = nullptr;
        std::vector<std::string> tags = {};
        std::string text = {};
    };

    std::vector<Setting> settings_;
    std::vector<Host> hosts_;
    std::vector<Range> ranges_;
    std::vector<TagIf> tag_ifs_;
    std::vector<std::vector<std::string>> ignored_;
    std::vector<std::string> interfaces_;
    std::vector<Boot> boots_;
    std::vector<Service> services_;
    std::vector<TaggedLine> prompts_;
    std::vector<TaggedLine> pi_menus_; // of option 43
    std::set<unsigned> architectures_;
    std::map<const SourceLine*, std::string> left_out_;
    bool is_proxy_ = false;
    bool has_boot_lines_ = false;
    bool has_pxe_lines_ = false;
};

} // namespace bootview::config::dnsmasq

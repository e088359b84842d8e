// What the doctor has to say of one thing, and all of what it has to say.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bootview::doctor {

// In the order in which they are shown.
enum class Severity {
    failure,   // booting fails, or clients get what they should not
    warning,   // works, and will not always
    unchecked, // could not be looked at
    fine,
};

struct Finding {
    Severity severity = Severity::fine;
    std::string id;    // "nbd-port-taken": it never changes, so scripts may rely on it
    std::string thing; // "NBD port 10809"
    std::string what;  // what is wrong with it
    std::string fix;   // the line to type; empty where none can be given
    bool operator==(const Finding&) const = default;
};

class Findings {
public:
    void fail(std::string id, std::string thing, std::string what, std::string fix = {}) {
        add(Severity::failure, std::move(id), std::move(thing), std::move(what), std::move(fix));
    }
    void warn(std::string id, std::string thing, std::string what, std::string fix = {}) {
        add(Severity::warning, std::move(id), std::move(thing), std::move(what), std::move(fix));
    }
    void not_checked(std::string id, std::string thing, std::string why, std::string fix = {}) {
        add(Severity::unchecked, std::move(id), std::move(thing), std::move(why), std::move(fix));
    }
    void fine(std::string id, std::string thing, std::string what) {
        add(Severity::fine, std::move(id), std::move(thing), std::move(what), {});
    }

    void add(Finding finding) { all_.push_back(std::move(finding)); }
    void add_all(const Findings& others) {
        all_.insert(all_.end(), others.all_.begin(), others.all_.end());
    }

    const std::vector<Finding>& all() const { return all_; }
    // By its id; null without one.
    const Finding* find(const std::string& id) const;
    bool has_failures() const;
    // Failures first, otherwise in the order in which they were found.
    void sort();

private:
    void add(Severity severity, std::string id, std::string thing, std::string what,
             std::string fix) {
        all_.push_back(
            {severity, std::move(id), std::move(thing), std::move(what), std::move(fix)});
    }
    std::vector<Finding> all_;
};

// Names come from images, and an image does not steer the terminal.
std::string printable(const std::string& text);

// For people, a line or two each; and for programs.
std::string as_text(const Findings& findings);
std::string as_json(const Findings& findings);

} // namespace bootview::doctor

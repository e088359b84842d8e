// Answers questions about what lies in the roots in threads of its own (boot_question.h), so that a
// file system that does not answer keeps only those waiting whose files lie there.
//
// What a thread does is never of one machine alone: it lists a root for all machines that have
// their directories there, or it looks for a program, for all that are to load the same. So a root
// that hangs holds a few threads, however many machines ask. Nothing is remembered: what is found
// serves those who asked before, and nobody later, as the files may be others by then.
#pragma once

#include "tftp-bridge/clients/boot_question.h"
#include "tftp-bridge/tftp/worker_pool.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bootview::clients {

// To be used by one thread, the event loop's.
class BootLookups {
public:
    using Then = std::function<void(const dhcp::BootFiles& files)>;

    // Calls `then` later, from run_completed().
    void find(const BootQuestion& question, Then then);

    // Calls `then` later, with what first_name() says.
    void find_name(const NameQuestion& question, std::function<void(const std::string& name)> then);

    // Calls `then` later, if there is an update of a Pi's EEPROM in that root, with its path.
    void find_eeprom_update(const BootQuestion& question,
                            std::function<void(const std::string& path)> then);

    int fd() const { return workers_.fd(); } // readable: run_completed() has something to do
    void run_completed() { workers_.run_completed(); }

private:
    using Directories = std::optional<std::set<std::string>>;
    // Who waits for an answer, by what was asked.
    template<typename Asked, typename Found>
    using Waiting = std::map<Asked, std::vector<std::function<void(const Found&)>>>;

    // Has a thread do the work once for all who ask the same meanwhile.
    template<typename Asked, typename Found>
    void share(Waiting<Asked, Found>& waiting, const Asked& asked, Found (*work)(const Asked&),
               std::function<void(const Found&)> then);
    void narrow(const BootQuestion& question, std::function<void(const BootQuestion&)> then);

    Waiting<std::string, Directories> listings_;
    Waiting<BootQuestion, dhcp::BootFiles> questions_;
    Waiting<std::string, std::string> updates_;
    Waiting<NameQuestion, std::string> names_;
    tftp::WorkerPool workers_{16}; // last: its threads end before the rest goes away
};

} // namespace bootview::clients

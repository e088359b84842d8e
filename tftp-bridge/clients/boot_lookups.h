// Answers questions about what lies in the roots in threads of its own (boot_question.h), so that a
// file system that does not answer keeps only those waiting whose files lie there.
//
// What a thread does is never of one machine alone: it lists a root for all machines that have
// their directories there, or it looks for a program, for all that are to load the same. So a root
// that hangs holds a few threads, however many machines ask.
//
// What was found is also the answer to who asks the same within the next 200 ms, at once and
// without a thread: a classroom that is switched on asks the same a hundred times a second. It
// counts from when the thread began to look, so that no answer is older than that, and a file
// system that takes longer is asked each time.
#pragma once

#include "tftp-bridge/clients/boot_question.h"
#include "tftp-bridge/tftp/worker_pool.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bootview::clients {

// To be used by one thread, the event loop's.
class BootLookups {
public:
    using Then = std::function<void(const dhcp::BootFiles& files)>;

    // Calls `then` now, if the answer is known, or later, from run_completed().
    void find(const BootQuestion& question, Then then);

    // The same, if the answer is known.
    std::optional<dhcp::BootFiles> find_now(const BootQuestion& question) const;

    // Likewise, with what first_name() says.
    void find_name(const NameQuestion& question, std::function<void(const std::string& name)> then);

    // Likewise, if there is an update of a Pi's EEPROM in that root, with its path.
    void find_eeprom_update(const BootQuestion& question,
                            std::function<void(const std::string& path)> then);

    int fd() const { return workers_.fd(); } // readable: run_completed() has something to do
    void run_completed() { workers_.run_completed(); }

private:
    using Clock = std::chrono::steady_clock;
    using Directories = std::optional<OwnDirectories>;

    // One kind of question: who waits for an answer, and the answers that are still good.
    template<typename Asked, typename Found>
    struct Questions {
        struct Answer {
            std::shared_ptr<const Found> found;
            Clock::time_point until;
        };
        std::map<Asked, std::vector<std::function<void(const Found&)>>> waiting;
        std::map<Asked, Answer> answers;
    };

    // Null: not known, or not any more.
    template<typename Asked, typename Found>
    static std::shared_ptr<const Found> known(const Questions<Asked, Found>& questions,
                                              const Asked& asked, Clock::time_point now);
    // Has a thread do the work once for all who ask the same meanwhile, and shortly after.
    template<typename Asked, typename Found>
    void share(Questions<Asked, Found>& questions, const Asked& asked, Found (*work)(const Asked&),
               std::function<void(const Found&)> then);
    void narrow(const BootQuestion& question, std::function<void(const BootQuestion&)> then);

    Questions<std::string, Directories> listings_;
    Questions<BootQuestion, dhcp::BootFiles> questions_;
    Questions<std::string, std::string> updates_;
    Questions<NameQuestion, std::string> names_;
    tftp::WorkerPool workers_{16}; // last: its threads end before the rest goes away
};

} // namespace bootview::clients

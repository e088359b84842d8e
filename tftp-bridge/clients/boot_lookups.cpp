#include "tftp-bridge/clients/boot_lookups.h"

#include "tftp-bridge/clients/pi_pitfalls.h"

#include <memory>
#include <utility>

namespace bootview::clients {
namespace {

using namespace std::chrono_literals;

constexpr auto keep_lookup = 200ms;
constexpr std::size_t max_answers = 4096; // of one kind

BootQuestion in_own_directory(BootQuestion question, const OwnDirectories& listed) {
    const auto own = listed.find(std::exchange(question.own_names, {}));
    if (!own.empty()) {
        question.directory += "/" + own;
        question.known.named = true;
    }
    return question;
}

} // namespace

void BootLookups::find(const BootQuestion& question, Then then) {
    narrow(question, [this, then = std::move(then)](const BootQuestion& narrowed) {
        share<BootQuestion, dhcp::BootFiles>(questions_, narrowed, look_up, then);
    });
}

std::optional<dhcp::BootFiles> BootLookups::find_now(const BootQuestion& question) const {
    const auto now = Clock::now();
    const auto listed = question.own_names.empty()
                            ? nullptr
                            : known<std::string, Directories>(listings_, question.directory, now);
    if (!question.own_names.empty() && !listed)
        return std::nullopt;
    const auto files = known<BootQuestion, dhcp::BootFiles>(
        questions_, listed && *listed ? in_own_directory(question, **listed) : question, now);
    return files ? std::optional(*files) : std::nullopt;
}

void BootLookups::find_name(const NameQuestion& question,
                            std::function<void(const std::string&)> then) {
    const auto ask = [this, question, then] {
        share<NameQuestion, std::string>(names_, question, first_name, then);
    };
    if (!question.directories)
        return ask();
    share<std::string, Directories>(listings_, question.directory, own_directories,
                                    [question, then, ask](const Directories& listed) {
                                        return listed ? then(listed->find(question.names)) : ask();
                                    });
}

template<typename Asked, typename Found>
std::shared_ptr<const Found> BootLookups::known(const Questions<Asked, Found>& questions,
                                                const Asked& asked, Clock::time_point now) {
    const auto answer = questions.answers.find(asked);
    return answer != questions.answers.end() && now < answer->second.until ? answer->second.found
                                                                           : nullptr;
}

template<typename Asked, typename Found>
void BootLookups::share(Questions<Asked, Found>& questions, const Asked& asked,
                        Found (*work)(const Asked&), std::function<void(const Found&)> then) {
    const auto now = Clock::now();
    if (const auto found = known<Asked, Found>(questions, asked, now))
        return then(*found);
    auto& waiters = questions.waiting[asked];
    waiters.push_back(std::move(then));
    if (waiters.size() > 1)
        return;
    auto found = std::make_shared<Found>();
    workers_.submit([asked, work, found] { *found = work(asked); },
                    [&questions, asked, found, until = now + keep_lookup] {
                        if (questions.answers.size() >= max_answers)
                            questions.answers.clear();
                        questions.answers[asked] = {found, until};
                        const auto done = questions.waiting.extract(asked);
                        for (const auto& waiter : done.mapped())
                            waiter(*found);
                    });
}

// To the machine's own directory, if it has one.
void BootLookups::narrow(const BootQuestion& question,
                         std::function<void(const BootQuestion&)> then) {
    if (question.own_names.empty())
        return then(question);
    share<std::string, Directories>(listings_, question.directory, own_directories,
                                    [question, then = std::move(then)](const Directories& listed) {
                                        then(listed ? in_own_directory(question, *listed)
                                                    : question);
                                    });
}

void BootLookups::find_eeprom_update(const BootQuestion& question,
                                     std::function<void(const std::string&)> then) {
    narrow(question, [this, then = std::move(then)](const BootQuestion& narrowed) {
        share<std::string, std::string>(
            updates_, narrowed.directory, clients::find_eeprom_update,
            [directory = narrowed.directory, then](const std::string& found) {
                if (!found.empty())
                    then(directory + "/" + found);
            });
    });
}

} // namespace bootview::clients

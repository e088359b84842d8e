#include "common/nearest_word.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace bootview {

std::string nearest(std::string_view given, const std::vector<std::string>& valid) {
    std::string best;
    std::size_t best_distance = ~std::size_t{0};
    for (const auto& candidate : valid) {
        // One row of the table at a time.
        std::vector<std::size_t> row(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < given.size(); ++i) {
            std::size_t diagonal = row[0]++;
            for (std::size_t j = 0; j < candidate.size(); ++j) {
                const auto substituted = diagonal + (given[i] == candidate[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

} // namespace bootview

#include "ledger/workspace.h"

namespace holdfast {
namespace {

// A list's worth of items, with room; what a large group took is given back.
constexpr std::size_t kKeptItems = 8 * kMaxListItems;

template <class T>
void trim(std::vector<T>& vector) {
  if (vector.capacity() > kKeptItems) vector = {};
}

}  // namespace

void DecideMemory::reclaim(Body& body) {
  if (auto* batch = std::get_if<Released>(&body)) released = std::move(*batch);
  if (auto* batch = std::get_if<Refunded>(&body)) refunded = std::move(*batch);
  trim(released.items);
  trim(refunded.items);
  trim(ids);
  trim(rows);
}

Workspace::Workspace() : memory_(std::make_unique<Memory>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

}  // namespace holdfast

// Groups, and what each has in sum.
#include "server/questions.h"

namespace holdfast::server {

void add_group_questions(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/groups", {"after", "limit"}, [&ledger](const Call& call) -> Result<std::string> {
    const auto wanted = named_page(call);
    if (!wanted) return std::unexpected(wanted.error());
    return page_of(ledger.groups(wanted->after, wanted->limit));
  });
  to.add_json("/v1/groups/{group}", {},
              [&ledger](const Call& call) { return one(ledger.group(call.path[0])); });
  to.add_json("/v1/groups/{group}/summary", {},
              [&ledger](const Call& call) { return one(ledger.group_summary(call.path[0])); });
}

}  // namespace holdfast::server

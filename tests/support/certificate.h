// Certificates for tests of TLS.
#pragma once

#include <filesystem>
#include <string>

namespace holdfast::testing {

/// Makes a certificate for `localhost` and 127.0.0.1 that signs itself, with its key, as one PEM file.
/// \param name  its common name
void make_certificate(const std::filesystem::path& file, const std::string& name = "receiver");

}  // namespace holdfast::testing

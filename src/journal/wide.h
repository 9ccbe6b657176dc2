// 128-bit integers, which g++ has as an extension: sums over all accounts are taken in them (law 1).
#pragma once

namespace holdfast::journal {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

}  // namespace holdfast::journal

#ifndef STT_CORE_ADDRESS_H_
#define STT_CORE_ADDRESS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stt {

/** ADDRESS_OCTETS of lib/ports/packet-engine.ts. */
constexpr size_t kAddressOctets = 22;

/**
 * Address inside STT, whatever the family (an IPv4 address is IPv4-mapped):
 *
 *   0                16      18         22
 *   | IPv6 address   | port  | scope id |     all big-endian
 */
struct Address {
  uint8_t octets[kAddressOctets];

  bool operator==(const Address& other) const { return memcmp(octets, other.octets, kAddressOctets) == 0; }
};

constexpr size_t kPortAt = 16;
constexpr size_t kScopeAt = 18;
constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/** Above all scope ids: the address is that of a connection outside the engine, a WebSocket, whose number follows (STT §7). */
constexpr uint8_t kConnectionMark = 0x80;

inline bool IsConnection(const Address& address) { return (address.octets[kScopeAt] & kConnectionMark) != 0; }

inline bool IsIPv4(const Address& address) { return memcmp(address.octets, kMappedPrefix, sizeof kMappedPrefix) == 0; }

}  // namespace stt

#endif  // STT_CORE_ADDRESS_H_

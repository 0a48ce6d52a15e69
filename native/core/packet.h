#ifndef STT_CORE_PACKET_H_
#define STT_CORE_PACKET_H_

#include <cstddef>
#include <cstdint>

#include "aead.h"
#include "bytes.h"
#include "session_id.h"

// Layout of a packet (STT §5) and of the STREAM frame that may lead it (STT §6).
//
//   0          1            9                13                     n-16        n
//   | 1rrrrrrK | session id | pn, low 32 bits | ciphertext          | tag       |
//                                             | sample: 16 octets   |

namespace stt {

constexpr size_t kSessionIdAt = 1;
constexpr size_t kPacketNumberAt = 9;
constexpr size_t kHeaderOctets = 13;
constexpr size_t kPacketOverhead = kHeaderOctets + kTagOctets;
/** Largest UDP payload over IPv4, which is the limit of the protocol. */
constexpr size_t kMaxDatagram = 65507;
/** What UDP over IPv6 could carry. */
constexpr size_t kMaxUdpPayload = 65527;

/** A stateless reset ends with a token, and is no longer than that (STT §5). */
constexpr size_t kResetTokenOctets = 16;
constexpr size_t kMinReset = 30;
constexpr size_t kMaxReset = 46;

constexpr uint8_t kPacketBit = 0x80;
constexpr uint8_t kReservedBits = 0x7e;
constexpr uint8_t kPhaseBit = 0x01;

constexpr uint8_t kStreamFrame = 0x03;
constexpr uint8_t kStreamEnd = 0x04;
constexpr uint8_t kAckFrame = 0x06;
constexpr uint8_t kAckHasEcn = 0x01;
constexpr size_t kStreamHeaderOctets = 16;

/** The full packet number of which `low` is the low 32 bits, as near as can be to `next`, the one expected (RFC 9000 A.3). */
uint64_t ExpandPacketNumber(uint64_t next, uint32_t low);

/** `iv` XOR packet number, right-aligned. */
void MakeNonce(const uint8_t* iv, uint64_t pn, uint8_t* nonce);

/** Masks or unmasks a header in place. */
void MaskHeader(uint8_t* header, const uint8_t* mask);

/** Header before masking. */
void WriteHeader(uint64_t session_id, uint32_t phase, uint64_t pn, uint8_t* header);

/** A STREAM frame, without its octets. */
struct StreamHeader {
  uint32_t stream_id;
  uint64_t offset;
  uint32_t length;
  bool end;
};

void WriteStreamHeader(const StreamHeader& header, uint8_t* out);

/**
 * The STREAM frame that leads a payload, if it is well-formed, fits, and is of a stream other than 0 (which is not
 * delivered in runs). False leaves the judgement to whoever parses all frames.
 */
bool ParseLeadingStream(const uint8_t* payload, size_t size, StreamHeader* header);

/** False if the frames of a payload of one's own are an ACK and nothing else: to that no peer answers. */
bool AsksForAnswer(Bytes payload);

}  // namespace stt

#endif  // STT_CORE_PACKET_H_

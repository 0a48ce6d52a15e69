// flood FILE PORT RATE SECONDS ADDRESSES: sends the datagrams of FILE, 1,200 octets each, over and over to
// 127.0.0.1:PORT, RATE a second, from ADDRESSES addresses of 127.0.0.0/8 in turn (Linux takes all of them for this host).
// Prints how many it sent and the seconds it took.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { kSize = 1200, kBatch = 50, kFirst = (127 << 24) + (1 << 16) };

struct Control {
  _Alignas(struct cmsghdr) char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static double Now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  FILE* file = fopen(argv[1], "rb");
  if (file == NULL) return 2;
  fseek(file, 0, SEEK_END);
  const size_t count = (size_t)ftell(file) / kSize;
  rewind(file);
  char* datagrams = malloc(count * kSize);
  if (count == 0 || datagrams == NULL || fread(datagrams, kSize, count, file) != count) return 2;
  const double rate = atof(argv[3]);
  const double seconds = atof(argv[4]);
  const uint32_t addresses = (uint32_t)atoi(argv[5]);

  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  static struct mmsghdr messages[kBatch];
  static struct iovec octets[kBatch];
  static struct Control control[kBatch];
  const double begin = Now();
  uint64_t sent = 0;
  for (;;) {
    const double now = Now();
    if (now - begin >= seconds) break;
    if ((double)sent > (now - begin) * rate) {
      const struct timespec pause = {0, 100000};
      nanosleep(&pause, NULL);
      continue;
    }
    for (int i = 0; i < kBatch; i++) {
      octets[i] = (struct iovec){datagrams + (sent + (uint64_t)i) % count * kSize, kSize};
      struct msghdr* header = &messages[i].msg_hdr;
      *header = (struct msghdr){&to, sizeof to, &octets[i], 1, control[i].octets, sizeof control[i].octets, 0};
      struct cmsghdr* item = CMSG_FIRSTHDR(header);
      item->cmsg_level = IPPROTO_IP;
      item->cmsg_type = IP_PKTINFO;
      item->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
      struct in_pktinfo info = {0};
      info.ipi_spec_dst.s_addr = htonl(kFirst + (uint32_t)((sent + (uint64_t)i) % addresses));
      memcpy(CMSG_DATA(item), &info, sizeof info);
    }
    const int done = sendmmsg(fd, messages, kBatch, 0);
    if (done > 0) sent += (uint64_t)done;
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR) {
      perror("sendmmsg");
      return 1;
    }
  }
  printf("%llu %.3f\n", (unsigned long long)sent, Now() - begin);
  return 0;
}

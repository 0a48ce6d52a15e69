// The bar charts that docs/performance.md and README.md show.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { counted, median } from '../statistics.mjs';
import { PEERS } from '../peers/peers.mjs';
import { barChart } from '../plot/bars.mjs';
import { METRICS } from './metrics.mjs';

const FAST = ['native', 'tls', 'net', 'ws', 'udx', 'quinn'];

/**
 * Which panels stand in which picture: a title, and the bars: metric, what it adds to the name of the peer, and which peers
 * if not all. `key`, `digits`: another figure of these metrics than their value.
 */
const CHARTS = {
  'performance-bulk': [
    {
      title: 'Bulk transfer over one stream, Gbit/s',
      bars: [
        ['jumbo', ', borrowed, found MTU', ['native']],
        ['borrowed', ', borrowed', ['native']],
        ['bulk', ''],
      ],
    },
    {
      title: 'CPU of both sides, s/GB: less is better',
      bars: [
        ['borrowed', ', borrowed', ['native']],
        ['bulk', '', FAST],
      ],
      key: 'cpuPerGb',
      digits: 2,
    },
  ],
  'performance-small': [
    {
      title: '64-octet writes on one stream, million/s',
      bars: [
        ['corked', ', corked', ['native', 'js']],
        ['messages', ''],
        ['single', ', one a turn', ['native', 'tls', 'net']],
      ],
    },
    { title: '64-octet messages with boundaries, million/s', bars: [['datagrams', '']] },
    { title: 'Round trip of 64 octets, median, microseconds: less is better', bars: [['rtt', '']] },
    {
      title: 'Connect, first echo, close: cycles/s',
      bars: [
        ['cyclesPlain', ', not post-quantum'],
        ['cycles', ''],
      ],
    },
    { title: 'Memory of an idle connection at the server, KiB: less is better', bars: [['idle', '']] },
  ],
};
/** Peers that do not encrypt. */
const PLAIN = ['net', 'dgram', 'ws'];
const OWN = ['native', 'js', 'noble', 'webSocket'];

function panelOf({ title, bars, key = 'value', digits }, results) {
  const drawn = [];
  for (const [metric, suffix, peers = Object.keys(PEERS)] of bars) {
    for (const peer of peers) {
      const runs = counted(results[metric]?.[peer] ?? []);
      if (runs.length === 0) continue;
      drawn.push({
        name: PEERS[peer].label + suffix,
        value: median(runs.map((run) => run[key])),
        disturbed: runs[0].disturbed,
        kind: OWN.includes(peer) ? 'own' : PLAIN.includes(peer) ? 'plain' : 'other',
      });
    }
  }
  const [metric] = bars[0];
  const lessIsBetter = key === 'cpuPerGb' || METRICS[metric].lessIsBetter;
  drawn.sort((a, b) => (lessIsBetter ? a.value - b.value : b.value - a.value));
  return { title, bars: drawn, digits: digits ?? METRICS[metric].digits };
}

/** Draws what results there are. */
export function drawAll({ node, openssl, machine, commit, options, results }) {
  const foot = [
    `Node ${node}, OpenSSL ${openssl}, ${machine.cores} cores of ${machine.cpu}, commit ${commit.slice(0, 8)}.`,
    `Loopback, ${options.packet}-octet packets, medians of ${options.rounds}. Blue: STT; grey: not encrypted.`,
  ];
  for (const [name, panels] of Object.entries(CHARTS)) {
    const drawn = panels.map((it) => panelOf(it, results)).filter(({ bars }) => bars.length > 0);
    if (drawn.length === 0) continue;
    // Whoever sees the picture shall know.
    const isDisturbed = drawn.some(({ bars }) => bars.some(({ disturbed }) => disturbed));
    const file = fileURLToPath(new URL(`../../docs/${name}.svg`, import.meta.url));
    writeFileSync(file, barChart(drawn, isDisturbed ? [...foot, 'Disturbed by other processes.'] : foot));
    console.log(`drawn: docs/${name}.svg`);
  }
}

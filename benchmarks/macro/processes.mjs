// Two processes, a server and a client, and what they tell each other.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { watchOthers } from './foreign.mjs';
import { METRICS } from './metrics.mjs';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
const FLAGS = ['--expose-gc', '--no-warnings'];

/** Measures one peer once. `pinned`: each process on a core of its own. */
export async function measure(peer, metric, { env, pinned }) {
  const { value, second, env: more } = METRICS[metric];
  const all = { ...process.env, ...env, ...peer.env, ...more };
  const others = watchOthers();
  const server = start('server', '0');
  try {
    const { info } = await server.next('listening');
    const client = start('client', '1');
    try {
      await client.next('ready');
      client.tell({ command: 'connect', info });
      pass(client, 'begun', server, 'begin');
      pass(server, 'measured', client, 'measured');
      const { octets } = await client.next('sent');
      server.tell({ command: 'sent', octets });
      const s = await server.next('received');
      client.tell({ command: 'finish' });
      const c = await client.next('done');
      const gigabytes = s.octets / 1e9;
      return {
        value: value(s, c),
        second: second?.(s, c),
        serverCpu: s.cpu,
        clientCpu: c.cpu,
        cpuPerGb: gigabytes > 0 ? (s.cpu + c.cpu) / gigabytes : undefined,
        maxRss: Math.max(s.maxRss, c.maxRss),
        /** Share of a core that other processes had meanwhile. */
        foreign: others([server.pid, client.pid]),
        backend: info.backend,
        stats: c.stats,
      };
    } finally {
      client.stop();
    }
  } finally {
    server.stop();
  }

  function start(role, core) {
    const args = [role, peer.module, metric];
    const options = { env: all, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] };
    const child = pinned
      ? fork(WORKER, args, { ...options, execPath: 'taskset', execArgv: ['-c', core, process.execPath, ...FLAGS] })
      : fork(WORKER, args, { ...options, execArgv: FLAGS });
    return conversation(child, role);
  }
}

/** Passes on an event of one process to the other as a command, if it comes. */
function pass(from, event, to, command) {
  from.next(event).then(
    () => to.tell({ command }),
    () => {},
  );
}

function conversation(child, role) {
  const messages = [];
  const wanted = [];
  let gone;
  child.on('message', (message) => {
    const at = wanted.findIndex(({ event }) => event === message.event);
    if (at >= 0) wanted.splice(at, 1)[0].resolve(message);
    else messages.push(message);
  });
  child.on('error', (error) => end(error));
  child.on('exit', (code) => end(new Error(`the ${role} ended with code ${code}`)));
  function end(error) {
    gone ??= error;
    for (const { reject } of wanted.splice(0)) reject(error);
  }
  return {
    pid: child.pid,
    next(event) {
      const at = messages.findIndex((message) => message.event === event);
      if (at >= 0) return Promise.resolve(messages.splice(at, 1)[0]);
      if (gone !== undefined) return Promise.reject(gone);
      return new Promise((resolve, reject) => wanted.push({ event, resolve, reject }));
    },
    tell: (message) => child.connected && child.send(message),
    stop: () => child.kill('SIGKILL'),
  };
}

// The page: a form, two lists and two plots, bound to the link and the transfers.
import { formatMs, formatOctets, formatRate } from './format.js';
import { explain, Link } from './link.js';
import { Plot } from './plot.js';
import { receiveFiles } from './receive.js';
import { keepSeed, keptSeed, parseSeed } from './seed.js';
import { Refused, Upload } from './send.js';
import { Row } from './transfers.js';

const TICK_MS = 500;
const $ = (id) => document.getElementById(id);

const link = new Link({ onState, onSession, onNotice });

// --- The connection ---

$('url').value = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/stt`;
const kept = keptSeed();
if (kept !== undefined) {
  $('seed').value = kept;
  $('keep').checked = true;
}

$('connect').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('seed').value.trim();
  const seed = parseSeed(text);
  if (seed === undefined) {
    onState('failed', 'That is no seed: it is text in base64url, as `stt keygen` prints it.');
    $('seed').focus();
    return;
  }
  keepSeed($('keep').checked ? text : undefined);
  void link.open($('url').value.trim(), seed);
});
$('keep').addEventListener('change', () => {
  if (!$('keep').checked) keepSeed(undefined);
});
$('disconnect').addEventListener('click', () => void link.close());

function onState(state, message) {
  $('status').dataset.state = state;
  $('status').textContent = message;
  const isBusy = state === 'connecting' || state === 'open' || state === 'waiting';
  const hadFocus = document.activeElement;
  $('connect-button').disabled = isBusy;
  $('disconnect').disabled = !isBusy;
  $('files').disabled = state !== 'open';
  for (const button of $('offer').querySelectorAll('button')) button.disabled = state !== 'open';
  // A button that is switched off loses the focus, and the keyboard its place.
  if (hadFocus === $('connect-button') && isBusy) $('disconnect').focus();
  if (hadFocus === $('disconnect') && !isBusy) $('connect-button').focus();
  if (state !== 'open') {
    $('offer').replaceChildren();
    $('offer-empty').textContent = 'Connect to see what the node has.';
    $('offer-empty').hidden = false;
  }
  if (state === 'closed' || state === 'failed') for (const job of running) job.giveUp('Not connected any more.');
}

function onSession(session) {
  session.on('stream', (stream) => void receive(stream));
  link.tell({ list: true }).catch(() => {});
  for (const job of running) job.start(session);
}

function onNotice({ files, refused, why }) {
  if (Array.isArray(files)) showOffer(files);
  if (typeof refused === 'string') downloads.get(refused)?.refuse(`The node does not send it: ${why}.`);
}

// --- Transfers ---

/** What is under way or waits for the connection to come back. */
const running = new Set();
/** Octets of transfers that are over, for the rate of the line. */
const finished = { up: 0, down: 0 };

class SendJob {
  direction = 'up';
  row;
  #file;
  #upload;
  #counted = 0;

  constructor(file) {
    this.#file = file;
    this.row = new Row($('transfers'), { name: file.name, total: file.size, arrow: '↑' });
    this.row.offer('Cancel', () => {
      this.#upload?.cancel(new Error('cancelled'));
      this.giveUp('Cancelled.');
    });
    running.add(this);
  }

  async start(session) {
    const upload = new Upload(this.#file, (offset) => {
      this.row.octets = () => upload.octets;
      this.row.begin(offset);
    });
    this.#upload = upload;
    try {
      const { status, sha256 } = await upload.run(session);
      this.row.done(status === 'unchanged' ? 'Already there' : 'Sent', sha256);
      this.#over(this.#file.size);
      link.tell({ list: true }).catch(() => {});
    } catch (error) {
      if (!running.has(this) || upload !== this.#upload) return;
      if (error instanceof Refused) this.giveUp(`The node does not take it: ${error.message}.`);
      else if (session.state === 'open') this.giveUp(`It failed: ${explain(error)}`);
      else this.row.wait('Interrupted. It goes on when the connection is back.');
    }
  }

  giveUp(why) {
    if (!running.has(this)) return;
    this.row.fail(why);
    this.#over(this.#counted);
  }

  count() {
    if (this.row.isRunning) this.#counted = this.row.show();
    return this.#counted;
  }

  #over(octets) {
    running.delete(this);
    finished.up += octets;
  }
}

/** What is here of files that are not complete, by name. */
const partials = new Map();
/** What was asked of the node, by name. */
const downloads = new Map();

class GetJob {
  direction = 'down';
  row;
  partial;
  #name;
  #counted = 0;

  constructor({ name, size }) {
    this.#name = name;
    this.row = new Row($('transfers'), { name, total: size, arrow: '↓' });
    this.row.octets = () => this.partial?.octets ?? 0;
    this.row.begin();
    running.add(this);
    downloads.set(name, this);
  }

  start() {
    this.row.begin(this.partial?.octets ?? 0);
    link.tell({ get: this.#name }).catch(() => {});
  }

  refuse(why) {
    this.giveUp(why);
  }

  complete(partial, sha256) {
    if (!running.has(this)) return;
    this.row.done('Received', sha256);
    this.row.offerFile(partial.toBlob());
    this.#over(partial.octets);
  }

  interrupted(error, isOpen) {
    if (!running.has(this)) return;
    if (isOpen) this.giveUp(`It failed: ${explain(error)}`);
    else this.row.wait('Interrupted. It goes on when the connection is back.');
  }

  giveUp(why) {
    if (!running.has(this)) return;
    this.row.fail(why);
    this.#over(this.#counted);
  }

  count() {
    if (this.row.isRunning) this.#counted = this.row.show();
    return this.#counted;
  }

  #over(octets) {
    running.delete(this);
    finished.down += octets;
    if (downloads.get(this.#name) === this) downloads.delete(this.#name);
  }
}

/** Takes what the node sends, asked for or not. */
async function receive(stream) {
  const { session } = link;
  const names = new Set();
  try {
    await receiveFiles(stream, partials, {
      onFile: (name, partial) => {
        names.add(name);
        const job = downloads.get(name) ?? new GetJob({ name, size: partial.size ?? 0 });
        job.partial = partial;
        job.row.begin(partial.octets);
        showLists();
      },
      onDone: (name, partial, sha256) => downloads.get(name)?.complete(partial, sha256),
      onFailed: (name, why) => downloads.get(name)?.giveUp(why),
    });
  } catch (error) {
    for (const name of names) downloads.get(name)?.interrupted(error, session?.state === 'open');
  }
}

function send(files) {
  for (const file of files) void new SendJob(file).start(link.session);
  showLists();
}

$('files').addEventListener('change', () => {
  send($('files').files);
  $('files').value = '';
});
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  $('drop').addEventListener(name, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop' && link.session !== undefined) send(event.dataTransfer.files);
  });
}

function showOffer(files) {
  const known = files.filter((file) => typeof file?.name === 'string' && Number.isSafeInteger(file.size));
  const focused = document.activeElement?.dataset.name;
  $('offer').replaceChildren(...known.map(offerRow));
  $('offer-empty').textContent = 'The node has no files to send.';
  $('offer-empty').hidden = known.length > 0;
  if (focused !== undefined)
    $('offer')
      .querySelector(`[data-name="${CSS.escape(focused)}"]`)
      ?.focus();
}

function offerRow({ name, size }) {
  const item = document.createElement('li');
  const title = document.createElement('span');
  title.className = 'name';
  title.textContent = name;
  const detail = document.createElement('p');
  detail.className = 'detail';
  detail.textContent = formatOctets(size);
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Get';
  button.dataset.name = name;
  button.setAttribute('aria-label', `Get ${name}`);
  button.addEventListener('click', () => {
    if (link.session === undefined || downloads.has(name)) return;
    new GetJob({ name, size }).start();
    showLists();
  });
  item.append(title, button, detail);
  return item;
}

function showLists() {
  $('transfers-empty').hidden = $('transfers').children.length > 0;
}

// --- The line ---

const rttPlot = new Plot($('rtt-plot'), { series: ['rtt'], least: 1, format: formatMs });
const ratePlot = new Plot($('rate-plot'), { series: ['up', 'down'], least: 125_000, format: formatRate });
let before = { up: 0, down: 0, at: performance.now() };
let rtt;
/** The session that owes an answer. */
let pinged;

function measure(session) {
  pinged = session;
  const over = (ms) => {
    if (pinged !== session) return;
    pinged = undefined;
    rtt = ms;
  };
  session.ping().then(over, () => over(undefined));
}

setInterval(() => {
  const { session } = link;
  // One measurement at a time; the newest is shown.
  if (session === undefined) rtt = undefined;
  else if (session !== pinged) measure(session);
  const now = { ...finished, at: performance.now() };
  for (const job of running) now[job.direction] += job.count();
  const seconds = (now.at - before.at) / 1000;
  const up = Math.max(0, now.up - before.up) / seconds;
  const down = Math.max(0, now.down - before.down) / seconds;
  before = now;
  $('rtt').textContent = rtt === undefined ? '–' : formatMs(rtt);
  $('up').textContent = session === undefined ? '–' : formatRate(up);
  $('down').textContent = session === undefined ? '–' : formatRate(down);
  rttPlot.add(rtt);
  ratePlot.add(session === undefined ? undefined : up, session === undefined ? undefined : down);
}, TICK_MS);

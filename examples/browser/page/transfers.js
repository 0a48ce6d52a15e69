// The list of transfers: what runs, what waits for the connection, what is done.
import { formatOctets, formatRate } from './format.js';

/** One row of the list. */
export class Row {
  /** Octets that crossed, for the rate; set by whoever transfers. */
  octets = () => 0;
  #total;
  #before = 0;
  #item = document.createElement('li');
  #progress = document.createElement('progress');
  #detail = document.createElement('p');
  #buttons = document.createElement('span');
  #name;
  #began;

  constructor(list, { name, total, arrow }) {
    this.#name = name;
    this.#total = total;
    const title = document.createElement('span');
    title.className = 'name';
    title.textContent = `${arrow} ${name}`;
    this.#progress.setAttribute('aria-label', `Progress of ${name}`);
    this.#progress.max = Math.max(1, total);
    this.#progress.value = 0;
    this.#detail.className = 'detail';
    this.#item.append(title, this.#buttons, this.#progress, this.#detail);
    this.wait('Waiting for the node.');
    list.prepend(this.#item);
  }

  get isRunning() {
    return this.#item.dataset.state === 'running';
  }

  /** Puts a button in place of what is there. */
  offer(label, onClick) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.setAttribute('aria-label', `${label} ${this.#name}`);
    button.addEventListener('click', onClick);
    this.#buttons.replaceChildren(button);
  }

  /** Puts a link to what was received. */
  offerFile(blob) {
    const link = document.createElement('a');
    link.className = 'save';
    link.textContent = 'Save';
    link.setAttribute('aria-label', `Save ${this.#name}`);
    link.href = URL.createObjectURL(blob);
    link.download = this.#name.split('/').at(-1);
    this.#buttons.replaceChildren(link);
  }

  /** A run begins: `octets` of it were there before. */
  begin(octets = 0) {
    this.#before = octets;
    this.#began = performance.now();
    this.#detail.className = 'detail';
    this.#item.dataset.state = 'running';
  }

  /** Shows how far it is. Returns the octets that are there. */
  show() {
    const octets = Math.min(this.octets(), this.#total);
    this.#progress.value = this.#total === 0 ? 1 : octets;
    const seconds = (performance.now() - this.#began) / 1000;
    const rate = seconds > 0.5 ? Math.max(0, octets - this.#before) / seconds : 0;
    const left = rate > 0 ? `, ${Math.ceil((this.#total - octets) / rate)} s left` : '';
    this.#detail.textContent = `${formatOctets(octets)} of ${formatOctets(this.#total)}${rate > 0 ? ` at ${formatRate(rate)}` : ''}${left}`;
    return octets;
  }

  wait(why) {
    this.#item.dataset.state = 'waiting';
    this.#detail.className = 'detail';
    this.#detail.textContent = why;
  }

  fail(why) {
    this.#item.dataset.state = 'failed';
    this.#detail.className = 'detail failed';
    this.#detail.textContent = why;
    this.#buttons.replaceChildren();
  }

  done(what, sha256) {
    const seconds = Math.max(0.001, (performance.now() - this.#began) / 1000);
    const rate = (this.#total - this.#before) / seconds;
    this.#item.dataset.state = 'done';
    this.#item.dataset.sha256 = sha256;
    this.#item.dataset.rate = String(Math.round(rate));
    this.#progress.value = this.#progress.max;
    this.#detail.className = 'detail done';
    this.#detail.textContent = `${what}: ${formatOctets(this.#total)} in ${seconds.toFixed(1)} s, ${formatRate(rate)}, SHA-256 ${sha256}`;
    this.#buttons.replaceChildren();
  }
}

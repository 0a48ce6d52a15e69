// A small live plot: the last minute of one or two values, drawn with SVG.
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 80;
/** Samples shown: a minute at two a second. */
const SAMPLES = 120;

export class Plot {
  #lines = [];
  #scale;
  #least;
  #format;

  /** `least` is the smallest upper end of the scale; `format` writes a value. */
  constructor(figure, { series, least, format }) {
    this.#least = least;
    this.#format = format;
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    // The numbers are beside it as text.
    svg.setAttribute('aria-hidden', 'true');
    for (const fraction of [0.5, 1]) {
      const rule = document.createElementNS(SVG, 'line');
      const y = HEIGHT - fraction * (HEIGHT - 4);
      for (const [name, value] of Object.entries({ x1: 0, x2: WIDTH, y1: y, y2: y, class: 'rule' })) {
        rule.setAttribute(name, value);
      }
      svg.append(rule);
    }
    for (const name of series) {
      const line = document.createElementNS(SVG, 'polyline');
      line.setAttribute('class', `line ${name}`);
      svg.append(line);
      this.#lines.push({ line, values: [] });
    }
    this.#scale = document.createElement('span');
    this.#scale.className = 'scale';
    this.#scale.setAttribute('aria-hidden', 'true');
    const frame = document.createElement('div');
    frame.className = 'plot';
    frame.append(svg, this.#scale);
    figure.append(frame);
  }

  /** One value for each series; undefined leaves a gap. */
  add(...values) {
    let top = this.#least;
    values.forEach((value, i) => {
      const { values: kept } = this.#lines[i];
      kept.push(value);
      if (kept.length > SAMPLES) kept.shift();
      for (const one of kept) if (one > top) top = one;
    });
    for (const { line, values: kept } of this.#lines) {
      const points = [];
      kept.forEach((value, i) => {
        if (value === undefined) return;
        const x = WIDTH - ((kept.length - 1 - i) * WIDTH) / (SAMPLES - 1);
        points.push(`${x.toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 5)).toFixed(1)}`);
      });
      line.setAttribute('points', points.join(' '));
    }
    this.#scale.textContent = this.#format(top);
  }
}

// Line charts as SVG, one or more panels above each other.

const WIDTH = 720;
const PANEL = 250;
const MARGIN = { left: 72, right: 20, top: 42, bottom: 48 };
const COLOURS = { cubic: '#c2410c', bbr: '#1d4ed8', model: '#57534e', second: '#0f766e' };
const FONT = 'font-family="system-ui, sans-serif" fill="#1c1917"';

const escape = (text) => String(text).replace(/[&<>]/g, (it) => `&#${it.charCodeAt(0)};`);
const round = (value) => Math.round(value * 10) / 10;

/** Positions and labels of about `count` ticks of a linear scale. */
function linearTicks(max, count) {
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((it) => it * power).find((it) => it >= rough);
  const ticks = [];
  for (let at = 0; at <= max * 1.0001; at += step) ticks.push(Math.round(at * 1e6) / 1e6);
  return ticks;
}

/** Powers of ten from `min` to `max`. */
function logTicks(min, max) {
  const ticks = [];
  for (let e = Math.ceil(Math.log10(min) - 1e-9); e <= Math.log10(max) + 1e-9; e++) ticks.push(10 ** e);
  return ticks;
}

function line({ points, colour, dashed, dots }, x, y) {
  const at = points.map(([px, py]) => `${round(x(px))},${round(y(py))}`);
  const marks = dots ? points.map(([px, py]) => `<circle cx="${round(x(px))}" cy="${round(y(py))}" r="3.5"/>`) : [];
  const dash = dashed ? ' stroke-dasharray="6 4"' : '';
  return (
    `<polyline fill="none" stroke="${COLOURS[colour]}" stroke-width="1.8" stroke-linejoin="round"${dash} points="${at.join(' ')}"/>` +
    (marks.length > 0 ? `<g fill="${COLOURS[colour]}">${marks.join('')}</g>` : '')
  );
}

function panel({ title, xAxis, yAxis, series }, top) {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
  const [high, low] = [top + MARGIN.top, top + PANEL - MARGIN.bottom];
  const share = (value, { min = 0, max, log }) =>
    log ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min);
  const x = (value) => left + share(value, xAxis) * (right - left);
  const y = (value) => low - Math.min(1, Math.max(0, share(value, yAxis))) * (low - high);
  const out = [];
  const name = (axis, value) => escape(axis.format === undefined ? value : axis.format(value));
  for (const at of xAxis.log ? logTicks(xAxis.min, xAxis.max) : linearTicks(xAxis.max, 8)) {
    out.push(`<path stroke="#e7e5e4" d="M${round(x(at))} ${high}V${low}"/>`);
    out.push(
      `<text ${FONT} font-size="12" text-anchor="middle" x="${round(x(at))}" y="${low + 17}">${name(xAxis, at)}</text>`,
    );
  }
  for (const at of yAxis.log ? logTicks(yAxis.min, yAxis.max) : linearTicks(yAxis.max, 5)) {
    out.push(`<path stroke="#e7e5e4" d="M${left} ${round(y(at))}H${right}"/>`);
    out.push(
      `<text ${FONT} font-size="12" text-anchor="end" x="${left - 7}" y="${round(y(at)) + 4}">${name(yAxis, at)}</text>`,
    );
  }
  out.push(`<path stroke="#78716c" fill="none" d="M${left} ${high}V${low}H${right}"/>`);
  const middle = (high + low) / 2;
  out.push(
    `<text ${FONT} font-size="13" text-anchor="middle" x="${(left + right) / 2}" y="${low + 38}">${escape(xAxis.label)}</text>`,
    `<text ${FONT} font-size="13" text-anchor="middle" transform="rotate(-90 18 ${middle})" x="18" y="${middle}">${escape(yAxis.label)}</text>`,
    `<text ${FONT} font-size="14" font-weight="600" x="${left}" y="${top + 18}">${escape(title)}</text>`,
  );
  for (const it of series) out.push(line(it, x, y));
  // The legend, in one row above the panel, from the right.
  let at = right;
  for (const it of [...series].reverse()) {
    at -= it.name.length * 7 + 34;
    const dash = it.dashed ? ' stroke-dasharray="6 4"' : '';
    out.push(
      `<path stroke="${COLOURS[it.colour]}" stroke-width="2.5"${dash} d="M${at} ${top + 32}h20"/>`,
      `<text ${FONT} font-size="12" x="${at + 25}" y="${top + 36}">${escape(it.name)}</text>`,
    );
  }
  return out.join('\n');
}

/**
 * A chart of panels. Axes: `label`, `max`, `min`, `log`, `format`; series: `name`, `colour`, `points` [x, y], `dashed`,
 * `dots`.
 */
export function chart(panels) {
  const height = panels.length * PANEL + 8;
  const body = panels.map((it, i) => panel(it, i * PANEL + 4)).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<rect width="100%" height="100%" fill="#fff"/>
${body}
</svg>
`;
}

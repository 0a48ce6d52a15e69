// Horizontal bar charts as SVG, one or more panels above each other.

const WIDTH = 720;
const MARGIN = { left: 210, right: 64, top: 34, bottom: 14 };
const ROW = 22;
const BAR = 14;
const COLOURS = { own: '#1d4ed8', plain: '#57534e', other: '#c2410c' };
const FONT = 'font-family="system-ui, sans-serif" fill="#1c1917"';

const escape = (text) => String(text).replace(/[&<>]/g, (it) => `&#${it.charCodeAt(0)};`);
const round = (value) => Math.round(value * 10) / 10;

function heightOf({ bars }) {
  return MARGIN.top + bars.length * ROW + MARGIN.bottom;
}

function panel({ title, bars, digits }, top) {
  const most = Math.max(...bars.map(({ value }) => value));
  const wide = WIDTH - MARGIN.left - MARGIN.right;
  const out = [`<text ${FONT} font-size="14" font-weight="600" x="16" y="${top + 20}">${escape(title)}</text>`];
  bars.forEach(({ name, value, kind }, i) => {
    const y = top + MARGIN.top + i * ROW;
    const length = Math.max(1, round((value / most) * wide));
    out.push(
      `<text ${FONT} font-size="12" text-anchor="end" x="${MARGIN.left - 8}" y="${y + 15}">${escape(name)}</text>`,
      `<rect x="${MARGIN.left}" y="${y + 4}" width="${length}" height="${BAR}" rx="2" fill="${COLOURS[kind]}"/>`,
      `<text ${FONT} font-size="12" x="${MARGIN.left + length + 6}" y="${y + 15}">${value.toFixed(digits)}</text>`,
    );
  });
  return out.join('\n');
}

/** A chart of panels: `title`, `digits`, `bars` of `name`, `value`, `kind` (own, plain: not encrypted, other); `foot`, lines below. */
export function barChart(panels, foot) {
  let top = 0;
  const body = panels.map((it) => {
    const drawn = panel(it, top);
    top += heightOf(it);
    return drawn;
  });
  const height = top + 14 + 15 * foot.length;
  const below = foot.map(
    (line, i) =>
      `<text ${FONT} font-size="11" fill-opacity="0.7" x="16" y="${top + 12 + 15 * i}">${escape(line)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<rect width="100%" height="100%" fill="#fff"/>
${body.join('\n')}
${below.join('\n')}
</svg>
`;
}

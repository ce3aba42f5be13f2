// Lines over days or lead times, with uPlot.

/**
 * Draw into a host, in place of what it holds.
 *
 * x, series: [{ label, values, colour, dash, width, points, hidden }]; bands: [{ low, high, colour, label }];
 * days: whether x counts days from 1970; marks: [{ at, words }] vertical lines; shades: [[first, last]] spans of x behind everything;
 * hung: { label, values, colour, yLabel } drawn above as bars from the top, on the same x; logarithmic: of y; choose: called with x on a click; enlarges: whether dragging enlarges.
 */
function lineChart(host, width, { x, series, bands = [], xLabel, yLabel, days = false, marks = [], shades = [], height = 260, logarithmic = false, choose, yRange, enlarges = days, hung }) {
  const [ink, soft, line] = ["text", "soft", "line"].map(colourOf);
  const known = series.map((one) => ({
    stroke: one.colour, dash: one.dash, width: one.width ?? 1.6, points: { show: one.points ?? false, size: 5, fill: one.colour, stroke: one.colour },
    paths: one.width === 0 ? () => null : undefined,
  }));
  const edges = bands.flatMap(() => [0, 1].map(() => ({ width: 0, stroke: "transparent", points: { show: false } })));
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
  const options = {
    width: Math.max(200, width), height, ms: 1e-3, padding: hung && [null, 24, null, null],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    scales: { x: { time: days }, y: { distr: logarithmic ? 3 : 1, ...(yRange ? { range: yRange } : {}) } },
    axes: [
      { ...axis, label: xLabel, labelSize: xLabel ? 20 : 0, size: days ? 42 : 34, space: 56, ...(days ? { values: dayTicks } : { values: plainTicks, incrs: [0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100] }) },
      { ...axis, label: yLabel, labelSize: 20, size: 52, values: plainTicks },
    ],
    series: [{}, ...edges, ...known],
    bands: bands.map((band, place) => ({ series: [1 + 2 * place, 2 + 2 * place], fill: band.colour })),
    legend: { show: false },
    cursor: { drag: { x: enlarges, y: false } },
    hooks: {
      setScale: [(plot, key) => { if (key === "x" && strip) strip.setScale("x", { min: plot.scales.x.min, max: plot.scales.x.max }); }],
      setCursor: [(plot) => { reading.textContent = plot.cursor.idx === null || plot.cursor.idx === undefined ? "" : said(plot.cursor.idx); }],
      drawClear: [(plot) => shades.forEach(([first, last]) => {
        const [left, right] = [first - 0.5, last + 0.5].map((at) => plot.valToPos(days ? at * 86400 : at, "x", true)), { ctx: brush, bbox } = plot;
        const from = Math.max(left, bbox.left), to = Math.min(Math.max(right, left + 2 * devicePixelRatio), bbox.left + bbox.width);
        if (to <= from) return;
        brush.save();
        brush.fillStyle = colourOf("shade");
        brush.fillRect(from, bbox.top, to - from, bbox.height);
        brush.restore();
      })],
      draw: [(plot) => marks.forEach(({ at, words }) => {
        const [left, { ctx: brush, bbox }] = [plot.valToPos(days ? at * 86400 : at, "x", true), plot];
        brush.save();
        Object.assign(brush, { strokeStyle: soft, fillStyle: soft, lineWidth: devicePixelRatio, font: `${12 * devicePixelRatio}px system-ui, sans-serif` });
        brush.beginPath();
        brush.moveTo(left, bbox.top);
        brush.lineTo(left, bbox.top + bbox.height);
        brush.stroke();
        brush.textAlign = left > bbox.left + bbox.width / 2 ? "right" : "left";
        brush.fillText(words, left + (brush.textAlign === "right" ? -5 : 5) * devicePixelRatio, bbox.top + 13 * devicePixelRatio);
        brush.restore();
      })],
    },
  };
  const reading = element("span", { className: "reading" });
  const said = (place) => [
    `${days ? dayText(x[place]) : `${xLabel} ${text(x[place])}`}:`, ...[...series, ...(hung ? [hung] : [])].filter((one) => Number.isFinite(one.values[place])).map((one) => `${one.label} ${text(one.values[place])};`),
    ...bands.filter((band) => Number.isFinite(band.low[place])).map((band) => `${band.label} ${text(band.low[place])} to ${text(band.high[place])};`),
  ].join(" ").replace(/;$/, "");
  const columns = [...bands.flatMap((band) => [band.high, band.low]), ...series.map((one) => one.values)];
  let strip = null;
  const clean = (values) => Array.from(values, (value) => (Number.isFinite(value) && (!logarithmic || value > 0) ? value : null));
  const along = Array.from(x, (one) => (days ? one * 86400 : one));
  host.replaceChildren();
  if (hung) strip = hungBars(host, options, hung, [along, clean(hung.values)]);
  const plot = new uPlot(options, [along, ...columns.map(clean)], host);
  host.append(element("p", { className: "key" }, ...series.map(keyOf), ...(hung ? [keyOf({ ...hung, band: true })] : []), ...bands.map((band) => keyOf({ ...band, band: true })), reading));
  if (choose) plot.over.addEventListener("click", () => plot.cursor.idx !== null && choose(x[plot.cursor.idx]));
  return plot;
}

/** Bars that hang from the top of a strip with the width and the x of the chart that follows. */
function hungBars(host, { width, ms, tzDate, scales, axes: [across, up] }, { colour, values, yLabel }, columns) {
  const most = Math.max(1, ...Array.from(values).filter(Number.isFinite));
  return new uPlot({
    width, ms, tzDate, height: 92, legend: { show: false }, cursor: { show: false }, padding: [8, 24, 2, null],
    scales: { x: scales.x, y: { dir: -1, range: [0, most * 1.05] } },
    axes: [{ ...across, size: 0, values: () => [], ticks: { show: false } }, { ...up, label: yLabel, space: 22 }],
    series: [{}, { fill: colour, stroke: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 30] }) }],
  }, columns, host);
}

/** A sample of a line or band with its name. */
function keyOf({ label, colour, dash, width, points, band }) {
  const sample = drawn("svg", { width: 26, height: 12, "aria-hidden": "true" },
    band ? drawn("rect", { width: 26, height: 12, fill: colour }) : "",
    !band && width !== 0 ? drawn("line", { x1: 0, x2: 26, y1: 6, y2: 6, stroke: colour, "stroke-width": 2, "stroke-dasharray": (dash ?? []).join(" ") || "none" }) : "",
    points ? drawn("circle", { cx: 13, cy: 6, r: 3, fill: colour }) : "");
  return element("span", {}, sample, ` ${label}`);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Numbers on an axis, with a true minus sign. */
const plainTicks = (_, ticks) => ticks.map((tick) => (tick === null ? "" : tick.toLocaleString("en").replace("-", "\u2212")));

/** Days on an axis: the year stands under the first of it. */
function dayTicks(_, seconds) {
  let year = null;
  const step = seconds.length > 1 ? seconds[1] - seconds[0] : new Date(seconds[0] * 1e3).toISOString().includes("-01-01T00") ? Infinity : 0;
  return seconds.map((second) => {
    const day = new Date(second * 1e3), isNew = day.getUTCFullYear() !== year;
    year = day.getUTCFullYear();
    const words = step >= 300 * 86400 ? "" : step >= 27 * 86400 ? MONTHS[day.getUTCMonth()] : `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]}`;
    return [words, isNew || !words ? year : ""].filter((part) => part !== "").join("\n");
  });
}

const SHOWN_ROWS = 200; // of a table under a figure; a browser slows down with thousands

/** What stands under a figure: words, its values as a table that is made when it is opened, and buttons to save both. */
function underneath(host, note, title, rows, heads) {
  const details = element("details", {}, element("summary", { textContent: "The values as a table" }));
  details.addEventListener("toggle", () => {
    while (details.children.length > 1) details.lastChild.remove();
    if (!details.open) return;
    const all = rows(), caption = all.length > SHOWN_ROWS ? `${title()}: the first ${SHOWN_ROWS} of ${all.length.toLocaleString("en")} rows, all of which are in the CSV` : title();
    details.append(table(heads(), all.slice(0, SHOWN_ROWS).map((row) => row.map((cell) => (typeof cell === "number" ? text(cell) : cell))), caption));
  });
  const csv = saveButton("CSV", title(), () => saveRows(title(), [heads(), ...rows().map((row) => row.map((cell) => (Number.isNaN(cell) ? "" : cell)))]));
  note.after(details, element("div", { className: "buttons" }, canvasButton(host, title), csv));
  return () => { if (details.open) details.dispatchEvent(new Event("toggle")); };
}

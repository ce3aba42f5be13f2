// Gaps: a calendar of the days of a station, and an overview of the months of all stations.

const SHARES = ["#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c"]; // few days with a value to all of them
const FIRST_OF_MONTHS = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335]; // in a leap year

/** Whether a station has a value on a day, both by their places. */
const heldOn = (bits, bytes, station, place) => (bits[station * bytes + (place >> 3)] >> (7 - (place & 7))) & 1;

/** The column of a day, counted from 1970, in a year of 366 days, and its year. */
function placeInYear(day) {
  const date = new Date(day * 864e5);
  return [date.getUTCFullYear(), FIRST_OF_MONTHS[date.getUTCMonth()] + date.getUTCDate() - 1];
}

/** The days of one station: with a value, without, suspicious; `suspectsOf` gives the spans of the chosen station. */
function calendar(data, state, { seriesOf, suspectsOf, nameOf }) {
  const host = byId("calendar-host"), status = byId("calendar-status");
  const NOTHING = 0, MISSING = 1, HELD = 2, SUSPICIOUS = 3;
  const title = () => `days with ${seriesOf().name} at ${nameOf()}`;
  const WORDS = ["outside of the period", "no value", "a value", "a suspicious value"];

  function stateOf() {
    const { first_day, days, number } = seriesOf(), bits = data.values[`held ${number}`], bytes = Math.ceil(days / 8);
    const [from] = placeInYear(first_day), [to] = placeInYear(first_day + days - 1);
    const cells = new Uint8Array((to - from + 1) * 366);
    const at = (place) => { const [year, column] = placeInYear(first_day + place); return (year - from) * 366 + column; };
    for (let place = 0; place < days; place++) cells[at(place)] = heldOn(bits, bytes, state.station, place) ? HELD : MISSING;
    for (const [, first, length] of suspectsOf()) for (let place = first; place < Math.min(days, first + length); place++) if (cells[at(place)] === HELD) cells[at(place)] = SUSPICIOUS;
    return { cells, from, rows: to - from + 1 };
  }

  function years() {
    const { cells, from, rows } = stateOf();
    return Array.from({ length: rows }, (_, row) => {
      const of = cells.subarray(row * 366, (row + 1) * 366), count = (kind) => of.reduce((sum, one) => sum + (one === kind), 0);
      return [String(from + row), count(HELD) + count(SUSPICIOUS), count(MISSING), count(SUSPICIOUS)];
    });
  }

  const summary = () => {
    const rows = years(), sum = (column) => rows.reduce((total, row) => total + row[column], 0), all = sum(1) + sum(2);
    return `${sum(1).toLocaleString("en")} of ${all.toLocaleString("en")} days have a value (${text((100 * sum(1)) / Math.max(1, all))} %), ${sum(3).toLocaleString("en")} of them are suspicious.`;
  };

  function draw(width) {
    const { cells, from, rows } = stateOf(), colours = ["sea", "gap", "held", "text"].map((name) => rgb(colourOf(name)));
    const step = rows > 24 ? 5 : rows > 12 ? 2 : 1;
    const canvas = cellCanvas({
      rows, columns: 366, colourAt: (cell) => colours[cells[cell]], label: `Calendar of ${title()}. ${summary()}`, wide: width, high: rows * Math.max(7, Math.min(16, 330 / rows)) + 20,
      left: Array.from({ length: rows }, (_, row) => [row, String(from + row)]).filter(([row]) => (from + row) % step === 0),
      top: FIRST_OF_MONTHS.map((column, month) => [column, MONTHS[month]]).filter((_, month) => width > 460 || month % 2 === 0),
    });
    canvas.onmousemove = (event) => {
      const { row, column } = cellUnder(event, canvas, rows, 366), month = FIRST_OF_MONTHS.findLastIndex((first) => first <= column);
      status.textContent = `${column - FIRST_OF_MONTHS[month] + 1} ${MONTHS[month]} ${from + row}: ${WORDS[cells[row * 366 + column]]}`;
    };
    canvas.onmouseleave = () => { status.textContent = summary(); };
    host.replaceChildren(canvas);
    byId("calendar-key").replaceChildren(...[["held", "value"], ["gap", "no value"], ["text", "suspicious"]].map(([colour, label]) => keyOf({ label, colour: colourOf(colour), band: true })));
    status.textContent = summary();
    refresh();
  }

  const refresh = underneath(host, byId("calendar-note"), title, years, () => ["year", "days with a value", "days without", "suspicious days"]);
  return figure(host, draw);
}

/** The share of days with a value of each month at each station; a click chooses the station. */
function overview(data, state, { seriesOf }, changed) {
  const host = byId("overview-host"), status = byId("overview-status"), count = data.stations.length;
  const title = () => `share of days with ${seriesOf().name} by station and month`;
  const kept = {};

  /** Share of each station and month, and the months from January of the first year. */
  function shares() {
    const { first_day, days, number } = seriesOf();
    if (kept[number]) return kept[number];
    const bits = data.values[`held ${number}`], bytes = Math.ceil(days / 8), months = new Int32Array(days), start = new Date(first_day * 864e5);
    for (let place = 0; place < days; place++) { const day = new Date((first_day + place) * 864e5); months[place] = (day.getUTCFullYear() - start.getUTCFullYear()) * 12 + day.getUTCMonth() - start.getUTCMonth(); }
    const columns = months[days - 1] + 1, length = new Float32Array(columns), share = new Float32Array(count * columns);
    for (const month of months) length[month]++;
    for (let station = 0; station < count; station++) {
      for (let place = 0; place < days; place++) share[station * columns + months[place]] += heldOn(bits, bytes, station, place);
      for (let month = 0; month < columns; month++) share[station * columns + month] /= length[month];
    }
    return (kept[number] = { share, columns, year: start.getUTCFullYear(), month: start.getUTCMonth() });
  }
  const monthText = ({ year, month }, column) => `${MONTHS[(month + column) % 12]} ${year + Math.floor((month + column) / 12)}`;

  function draw(width) {
    const made = shares(), { share, columns, year, month } = made, gap = rgb(colourOf("gap")), colours = SHARES.map(rgb);
    const all = share.reduce((sum, one) => sum + one, 0) / share.length, none = share.reduce((sum, one) => sum + (one === 0), 0) / share.length;
    const summary = `${text(100 * none)} % of the months have no value; on average ${text(100 * all)} % of the days have one.`;
    const januaries = Array.from({ length: columns }, (_, column) => column).filter((column) => (month + column) % 12 === 0);
    const every = Math.ceil(januaries.length / Math.max(2, width / 60));
    const canvas = cellCanvas({
      rows: count, columns, wide: width, high: Math.max(40, Math.min(count <= 60 ? 840 : 620, count * 14)) + 20, label: `Overview: ${title()}. ${summary}`,
      colourAt: (cell) => (share[cell] === 0 ? gap : shade(colours, share[cell] - 1e-6)),
      top: januaries.filter((_, place) => place % every === 0).map((column) => [column, String(year + Math.floor((month + column) / 12))]),
      left: count <= 60 ? data.stations.map((id, row) => [row, id.slice(0, 8)]) : [],
    });
    const at = (event) => cellUnder(event, canvas, count, columns);
    canvas.onmousemove = (event) => {
      const { row, column } = at(event);
      status.textContent = `${[data.stations[row], data.names[row]].filter(Boolean).join(", ")}, ${monthText(made, column)}: ${text(100 * share[row * columns + column])} % of the days`;
    };
    canvas.onmouseleave = () => { status.textContent = summary; };
    canvas.onclick = (event) => { changed({ station: at(event).row }); byId("station-part").scrollIntoView({ block: "nearest" }); };
    host.replaceChildren(canvas);
    byId("overview-legend").replaceChildren(legend(SHARES, 0, 100, "days with a value (%)"));
    status.textContent = summary;
    refresh();
  }

  /** A row for each station and year, which a table can hold. */
  const rows = () => {
    const { share, columns, year, month } = shares();
    return data.stations.map((id, station) => [id, ...Array.from({ length: Math.ceil((columns + month) / 12) }, (_, place) => {
      const of = share.subarray(station * columns + Math.max(0, place * 12 - month), station * columns + Math.min(columns, place * 12 + 12 - month));
      return Number(((100 * of.reduce((sum, one) => sum + one, 0)) / of.length).toPrecision(4));
    })]);
  };
  const heads = () => { const { columns, year, month } = shares(); return ["station, days with a value in %", ...Array.from({ length: Math.ceil((columns + month) / 12) }, (_, place) => String(year + place))]; };
  const refresh = underneath(host, byId("overview-note"), title, rows, heads);
  return figure(host, draw);
}

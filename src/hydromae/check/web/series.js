// The hydrograph of a station with its suspicious days, and what was found there.

const MOST_ROWS = 200; // suspicious spans in the table

function recordPart(data, state, { seriesOf, suspectsOf, nameOf }) {
  const host = byId("record-host");
  const yLabel = () => seriesOf().name + (seriesOf().units && ` (${seriesOf().units})`);
  const title = () => `${yLabel()} at ${nameOf()}`;

  /** The middle days of the means, the means, and the suspicious values at the nearest of these days. */
  function values() {
    const { first_day, days, step, number, offset, scale } = seriesOf(), count = Math.ceil(days / step);
    const of = data.values[`means ${number}`].subarray(state.station * count, (state.station + 1) * count);
    const means = Array.from(of, (value) => value * scale[state.station] + offset[state.station]);
    const x = means.map((_, place) => first_day + (step === 1 ? place : Math.floor((place * step + Math.min(days - 1, place * step + step - 1)) / 2)));
    const odd = means.map(() => NaN);
    for (const [station, first, length, , value] of suspectsOf()) {
      for (let place = Math.floor(first / step); place <= Math.floor((first + length - 1) / step) && place < count; place++) {
        const shown = station < 0 || value === null ? means[place] : value;
        if (!(Math.abs(odd[place]) >= Math.abs(shown))) odd[place] = shown;
      }
    }
    return { x, means, odd };
  }

  function draw(width) {
    const { x, means, odd } = values(), { first_day, step, days, number } = seriesOf();
    byId("station-name").textContent = nameOf();
    const some = means.some(Number.isFinite), odds = odd.some(Number.isFinite);
    byId("record-step").textContent = !some ? "There is no value." : step === 1 ? "Every day is shown; values are rounded to about 1 %." : `Each point is the mean of ${step} days, so that the page stays small; suspicious values are those of their day.`;
    lineChart(host, width, {
      x, days: true, yLabel: yLabel(), height: 260, logarithmic: byId("logarithmic").checked,
      shades: suspectsOf().filter((one) => one[2] > 1).map(([, first, length]) => [first_day + first, first_day + first + length - 1]),
      series: [{ label: step === 1 ? seriesOf().name : `${seriesOf().name}, means of ${step} days`, values: means, colour: colourOf("blue"), width: 1.2 },
        ...(odds ? [{ label: "suspicious", values: odd, colour: colourOf("mark"), width: 0, points: true }] : [])],
    });
    const known = means.filter(Number.isFinite);
    host.setAttribute("aria-label", `Hydrograph of ${title()}, ${dayText(first_day)} to ${dayText(first_day + days - 1)}: ${known.length ? `from ${text(Math.min(...known))} to ${text(Math.max(...known))}` : "no value"}; ${suspectsOf().length} suspicious spans.`);
    refresh();
    listSuspects();
    listFindings();
  }

  function listSuspects() {
    const { first_day, units, suspects, all_suspects } = seriesOf(), spans = suspectsOf(), made = byId("suspects");
    made.replaceChildren();
    if (!spans.length) { made.append(element("p", { className: "soft", textContent: "No day of this series is suspicious here." })); return; }
    const rows = spans.slice(0, MOST_ROWS).map(([station, first, length, kind, value]) => [dayText(first_day + first), String(length), data.kinds[kind] + (station < 0 ? ", all stations" : ""), value === null ? "several" : text(value)]);
    const held = table(["from", "days", "why", `value${units && ` (${units})`}`], rows, `Suspicious days of ${title()}`);
    made.append(held);
    offerTable(held.querySelector("table"), `suspicious days of ${title()}`);
    const more = [spans.length > MOST_ROWS ? `The table holds ${MOST_ROWS} of ${spans.length} spans.` : "", suspects.length < all_suspects ? `Of all stations together the page holds the longest ${suspects.length} of ${all_suspects}.` : ""].filter(Boolean).join(" ");
    if (more) made.append(element("p", { className: "soft", textContent: more }));
  }

  /** A finding without the file that it begins with, not too long. */
  const short = (words) => words.replace(/^\S*[/\\]\S*: /, "").replace(/^(.{100}).+$/s, "$1…");

  /** The findings that name the station, the severest first. */
  function listFindings() {
    const at = data.findings.filter((one) => one.at[state.station]);
    byId("station-findings").replaceChildren(...at.map(({ severity, text: words, at: stations }) => element("details", { className: `finding ${severity}` },
      element("summary", { textContent: `${severity}: ${[stations[state.station].filter(Boolean).join("; "), short(words)].filter(Boolean).join(" – ")}` }), element("p", { textContent: words }))));
    if (!at.length) byId("station-findings").append(element("p", { className: "soft", textContent: "No finding names this station." }));
  }

  const refresh = underneath(host, byId("record-note"), title, () => { const { x, means, odd } = values(); return x.map((day, place) => [dayText(day), means[place], odd[place]]); },
    () => ["day", seriesOf().step === 1 ? "value" : `mean of ${seriesOf().step} days around it`, "suspicious value"]);
  const again = figure(host, draw);
  byId("logarithmic").onchange = again;
  return again;
}

/** One line a modality: the share of values present in each year. */
function yearsPart(data) {
  const host = byId("years-host"), { years, names, share } = data.years;
  if (!years.length) return;
  const title = () => "share of values present by year";
  const x = years.map((year) => Math.round(Date.UTC(year, 6, 1) / 864e5));
  const again = figure(host, (width) => {
    const ink = (place) => (place === 0 ? colourOf("blue") : LINES[place % LINES.length]);
    lineChart(host, width, {
      x, days: true, height: 240, yLabel: "present (%)", yRange: [0, 105], enlarges: false, series: names.map((label, place) => ({
        label, values: share[place].map((value) => value ?? NaN), colour: ink(place), dash: DASHES[place % DASHES.length], points: years.length < 40, width: 2,
      })),
    });
    host.setAttribute("aria-label", `${title()}. Lowest: ${names.map((name, place) => `${name} ${text(Math.min(...share[place].filter((value) => value !== null)))} %`).join("; ")}.`);
    refresh();
  });
  const refresh = underneath(host, byId("years-note"), title, () => years.map((year, place) => [String(year), ...share.map((row) => row[place] ?? NaN)]), () => ["year", ...names.map((name) => `${name}, %`)]);
  again();
}

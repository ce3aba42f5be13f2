// What an answer shows: the hydrograph with its bands, the other series, and errors beside the truth.

const seriesOf = (answer, name) => answer.series[name];
const daysOf = (answer) => Array.from(answer.series[answer.predicted], (_, place) => answer.first + place);
const onDays = (x, first, list) => x.map((day) => list[day - first] ?? NaN);

/** The big hydrograph; `state.weeks` weeks before the issue day are shown. */
function mainPanel(data, state, painted) {
  const host = byId("forecast-host");
  let answer = null;
  const called = (name) => data.series.find((one) => one.name === name);
  const shown = () => daysOf(answer).filter((day) => day > answer.day - 7 * state.weeks);
  const title = () => (answer ? `${called(answer.predicted).label} at ${state.nameOf(answer.station)} around ${dayText(answer.day)}` : "");
  const good = () => answer.runs.filter((run) => !run.error);

  /** Whether the model saw the flow of a day. */
  const known = (day) => !data.runs.length || (!state.of.hidden(day) && (answer.after === "all" || day <= answer.day));

  function draw(width) {
    if (!answer) return;
    const x = shown(), { label, units } = called(answer.predicted), runs = good(), first = runs[0];
    const observed = onDays(x, answer.first, seriesOf(answer, answer.predicted));
    // A forecast begins where the last observation is.
    const begins = (list) => list.map((value, place) => (x[place] === answer.day && answer.after !== "all" && known(answer.day) && !Number.isFinite(value) ? observed[place] : value));
    const bands = (first?.bands ?? []).map(({ share, low, high }, place) => ({
      low: begins(onDays(x, first.first, low)), high: begins(onDays(x, first.first, high)), colour: colourOf(place ? "fan-narrow" : "fan-wide"), label: `${share} % band${runs.length > 1 ? ` of ${first.label}` : ""}`,
    }));
    const colours = [colourOf("blue"), ...LINES.slice(1)];
    const plot = hydrograph(host, width, {
      x, day: answer.day, horizon: answer.horizon, observed, bands, yLabel: label + (units && ` (${units})`), height: width > 640 ? 380 : 300, enlarges: false, known,
      last: answer.after === "all" ? NaN : first?.persistence ?? NaN, unseen: "hidden from the model", marks: [{ at: answer.day, words: data.runs.length ? "issued" : "day" }],
      shades: data.runs.length ? state.of.spans() : [], markers: x.length < 100,
      lines: runs.map((run, place) => ({ label: run.label, values: onDays(x, run.first, run.mean), colour: colours[place % colours.length], dash: DASHES[place % DASHES.length] })),
    });
    if (data.runs.length) paintable(plot, x, painted);
    host.setAttribute("aria-label", `Hydrograph: ${title()}. ${said()}`);
    refresh();
  }

  /** The answer in a sentence. */
  const said = () => {
    const unit = called(answer.predicted).units;
    const words = answer.runs.map((run) => {
      if (run.error) return `${run.label}: ${run.error}`;
      const { ahead, hidden, persistence } = run.errors, parts = [];
      if (ahead) parts.push(`root mean square error ${text(ahead.rmse)} ${unit} on ${ahead.days} days after ${dayText(answer.day)}${persistence ? ` (persistence ${text(persistence.rmse)})` : ""}`);
      if (hidden) parts.push(`${text(hidden.rmse)} ${unit} on ${hidden.days} hidden days`);
      return `${run.label}: ${parts.join(", ") || "nothing is hidden that was observed"}`;
    });
    return words.length ? `${words.join("; ")}.` : "";
  };

  const rows = () => {
    const x = shown();
    const columns = [onDays(x, answer.first, seriesOf(answer, answer.predicted)), ...good().flatMap((run) => [run.mean, ...run.bands.flatMap(({ low, high }) => [low, high])].map((list) => onDays(x, run.first, list)))];
    return x.map((day, place) => [dayText(day), known(day) ? "yes" : "no", ...columns.map((column) => column[place] ?? NaN)]);
  };
  const heads = () => ["day", "seen by the model", "observed", ...good().flatMap((run) => [run.label, ...run.bands.flatMap(({ share }) => [`${run.label}, ${share} % low`, `${run.label}, ${share} % high`])])];
  const refresh = underneath(host, byId("forecast-note"), title, rows, heads);
  const again = figure(host, draw);
  return {
    show(given) {
      answer = given;
      byId("station-name").textContent = state.nameOf(answer.station);
      again();
      byId("answer").textContent = said();
      const marks = byId("cautions");
      marks.replaceChildren(...[...new Set(answer.runs.flatMap((run) => run.said ?? []))].map((sentence) => element("p", { className: "hint", textContent: sentence })));
      if (data.runs.length) errorTable(answer, called(answer.predicted).units);
    },
    clear() { answer = null; host.replaceChildren(); host.setAttribute("aria-label", "No hydrograph"); byId("answer").textContent = ""; byId("errors").replaceChildren(); byId("cautions").replaceChildren(); },
    again,
    answer: () => answer,
  };
}

/** Errors of each run, after the issue day and on the hidden days. */
function errorTable(answer, unit) {
  const cells = (part) => (part ? [String(part.days), text(part.rmse), text(part.bias), part.share === undefined ? "no band" : `${text(100 * part.inside)} % of ${part.share} %`] : ["0", "–", "–", "–"]);
  const rows = [];
  for (const run of answer.runs) {
    if (run.error) continue;
    if (answer.after !== "all") rows.push([`${run.label}, after the issue day`, ...cells(run.errors.ahead)]);
    if (run.errors.hidden) rows.push([`${run.label}, hidden days`, ...cells(run.errors.hidden)]);
  }
  const last = answer.runs.find((run) => run.errors?.persistence)?.errors.persistence;
  if (last) rows.push(["persistence, after the issue day", String(last.days), text(last.rmse), text(last.bias), "no band"]);
  if (!rows.length) { byId("errors").replaceChildren(); return; }
  const caption = `Errors beside what was observed, ${unit}`, made = table(["of", "days", "root mean square error", "mean error", "inside the band"], rows, caption);
  byId("errors").replaceChildren(made);
  offerTable(made.querySelector("table"), caption);
}

/** Small charts of the other series, which say what the model sees of them. */
function otherPanels(data, state, panel) {
  const holder = byId("others");
  const draws = data.series.map(({ name, label, units }) => {
    const host = element("div", { role: "img", "aria-label": label });
    const holds = element("figure", { className: "other" }, host);
    holder.append(holds);
    const again = figure(host, (width) => {
      const answer = panel.answer();
      if (!answer || name === answer.predicted) return;
      const x = daysOf(answer).filter((day) => day > answer.day - 7 * state.weeks), list = onDays(x, answer.first, seriesOf(answer, name));
      const hidden = data.runs.length && state.modalities.has(name), later = data.runs.length && answer.after === "none";
      const seen = (day) => !hidden && !(later && day > answer.day);
      lineChart(host, width, {
        x, days: true, height: 150, yLabel: units, marks: [{ at: answer.day, words: "" }], enlarges: false, series: [
          { label: hidden ? `${label}, hidden` : label, values: list.map((value, place) => (seen(x[place]) ? value : NaN)), colour: colourOf("text"), width: 1.2 },
          ...(x.every(seen) ? [] : [{ label: "not seen", values: list.map((value, place) => (seen(x[place]) ? NaN : value)), colour: colourOf("soft"), dash: [2, 3], width: 1.2 }]),
        ],
      });
      host.setAttribute("aria-label", `${label} from ${dayText(x[0])} to ${dayText(x[x.length - 1])}${hidden ? ", hidden from the model" : ""}`);
    });
    return () => { holds.hidden = !panel.answer() || name === panel.answer().predicted; if (!holds.hidden) again(); };
  });
  return () => draws.forEach((draw) => draw());
}

/** The whole record, on which a click chooses the issue day. */
function recordPanel(data, state, choose) {
  const host = byId("record-host");
  let record = null;
  const title = () => (record ? `the whole record of ${record.label} at ${state.nameOf(record.station)}` : "");
  const day = (place) => data.first_day + place;
  const again = figure(host, (width) => {
    if (!record) return;
    lineChart(host, width, {
      x: record.values.map((_, place) => day(place)), days: true, height: 190, yLabel: record.label + (record.units && ` (${record.units})`), marks: [{ at: state.day, words: "" }],
      series: [{ label: record.label, values: record.values, colour: colourOf("text"), width: 1 }], choose,
    });
    host.setAttribute("aria-label", title());
  });
  return {
    async show(station, packed, { label, units }) {
      const { offset, scale, values: halves_ } = await unpackText(packed);
      record = { station, label, units, values: Array.from(halves_.values, (value) => value * scale + offset) };
      again();
    },
    again,
    /** The day before the highest value that has a window before it; the last day where nothing was observed. */
    beforeHighest() {
      let best = -1;
      record.values.forEach((value, place) => { if (Number.isFinite(value) && place > 200 && !(value <= record.values[best])) best = place; });
      return best < 0 ? data.last_day : day(best - 1);
    },
  };
}

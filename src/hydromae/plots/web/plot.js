// A file of forecasts or of a series: the station, and the issue time or the days, are chosen by the reader.

function plotParts(data) {
  const state = { station: 0, issue: data.issue ?? 0, from: 0, to: 0 }, host = byId("forecast-host"), count = data.stations.length;
  const unit = data.units && ` (${data.units})`, yLabel = data.series + unit;
  const nameOf = () => [data.stations[state.station], data.names[state.station]].filter(Boolean).join(", ");
  const back = (value) => value * data.scale[state.station] + data.offset[state.station];
  const dayNumber = (input) => Math.round(input.valueAsNumber / 864e5);
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, place) => from + place);
  const bandOf = (share, place, of) => ({ low: of(`low ${share}`), high: of(`high ${share}`), colour: colourOf(place ? "fan-narrow" : "fan-wide"), label: `${share} % band` });

  /** A value of a day. */
  const dayOf = (name, day) => {
    const days = data.values[name].length / count, place = day - data.first_day;
    return place < 0 || place >= days ? NaN : data.values[name][state.station * days + place];
  };
  const observedOn = (day) => back(dayOf("observed", day));

  function forecastOf() {
    const { issues, leads, bands } = data, L = leads.length, day = issues[state.issue], horizon = leads[L - 1], x = range(day - data.before + 1, day + horizon);
    const ahead = (name) => leads.map((_, lead) => back(data.values[name][(state.station * issues.length + state.issue) * L + lead]));
    const on = (values, begin) => x.map((one) => (one === day ? begin : leads.includes(one - day) ? values[leads.indexOf(one - day)] : NaN));
    const seen = range(day - data.before + 1, day).map(observedOn).filter(Number.isFinite), last = seen.length ? seen[seen.length - 1] : NaN, today = observedOn(day);
    return {
      x, day, horizon, last, observed: x.map(observedOn), forecast: on(ahead("forecast"), NaN), bands: bands.map((share, place) => bandOf(share, place, (name) => on(ahead(name), today))),
      rain: x.map((one) => dayOf("rain", one) * data.rain_scale[state.station] + data.rain_offset[state.station]),
    };
  }

  function drawForecast(width) {
    const { x, day, horizon, last, observed, forecast, bands, rain } = forecastOf(), shown = [...observed, ...forecast, ...bands.flatMap((band) => band.high)].filter(Number.isFinite);
    const levels = Object.entries(data.levels ?? {}).map(([words, of]) => [words, of[state.station]]).filter(([, level]) => Number.isFinite(level) && level <= Math.max(...shown));
    byId("issue-day").textContent = dayText(day);
    byId("issue").value = state.issue;
    byId("issue").setAttribute("aria-valuetext", dayText(day));
    const highest = forecast.reduce((best, value, place) => (Number.isFinite(value) && !(value <= forecast[best]) ? place : best), -1), widest = bands[0];
    const said = highest < 0 ? "There is no forecast here." : `Highest in the ${horizon} days after ${dayText(day)}: ${text(forecast[highest])}${data.units && ` ${data.units}`} on ${dayText(x[highest])}${widest ? ` (${widest.label} ${text(widest.low[highest])} to ${text(widest.high[highest])})` : ""}${Number.isFinite(last) ? `; last observed ${text(last)}` : ""}.`;
    hydrograph(host, width, {
      x, day, horizon, observed, last, bands, yLabel, height: width > 640 ? 400 : 300, hung: rain.some(Number.isFinite) ? { label: "rain observed", values: rain, colour: colourOf("rain"), yLabel: `rain${data.rain_units && ` (${data.rain_units})`}` } : undefined,
      lines: [{ label: "forecast", values: forecast, colour: colourOf("blue") }, ...levels.map(([label, level]) => ({ label, values: x.map(() => level), colour: colourOf("soft"), dash: [7, 4], width: 1, points: false }))],
    });
    tell(said);
  }

  function drawSeries(width) {
    const x = range(state.from, state.to), on = (name) => x.map((day) => back(dayOf(name, day))), observed = on("observed"), model = on("model");
    const filled = model.filter(Number.isFinite).length, seen = observed.filter(Number.isFinite).length;
    lineChart(host, width, {
      x, days: true, yLabel, height: width > 640 ? 400 : 300, bands: data.bands.map((share, place) => bandOf(share, place, on)),
      series: [{ label: "observed", values: observed, colour: colourOf("text"), width: 1.2 }, { label: "model", values: model, colour: colourOf(data.dots ? "mark" : "blue"), width: data.dots ? 0 : 1.8, points: data.dots || x.length < 100 }],
    });
    for (const [id, day] of [["from", state.from], ["to", state.to]]) byId(id).value = dayText(day);
    tell(`${dayText(state.from)} to ${dayText(state.to)}: ${seen} days observed, ${filled} by the model.`);
  }

  function tell(said) {
    byId("station-name").textContent = nameOf();
    byId("answer").textContent = said;
    host.setAttribute("aria-label", `Hydrograph of ${yLabel} at ${nameOf()}. ${said}`);
    refresh();
  }

  const now = () => (data.ahead ? forecastOf() : (() => { const x = range(state.from, state.to), on = (name) => x.map((day) => back(dayOf(name, day))); return { x, observed: on("observed"), forecast: on("model"), bands: data.bands.map((share, place) => bandOf(share, place, on)) }; })());
  const title = () => `${data.series} at ${nameOf()}${data.ahead ? `, issued on ${dayText(data.issues[state.issue])}` : ""}`;
  const refresh = underneath(host, byId("forecast-note"), title,
    () => { const { x, observed, forecast, bands } = now(); return x.map((day, place) => [dayText(day), observed[place], forecast[place], ...bands.flatMap((band) => [band.low[place], band.high[place]])]); },
    () => ["day", "observed", data.ahead ? "forecast" : "model", ...data.bands.flatMap((share) => [`${share} % band, low`, `${share} % band, high`])]);
  const again = figure(host, data.ahead ? drawForecast : drawSeries);

  if (data.ahead) {
    const choose = (issue) => { state.issue = Math.max(0, Math.min(data.issues.length - 1, issue)); again(); };
    byId("issue").max = data.issues.length - 1;
    byId("issue").addEventListener("input", (event) => choose(Number(event.target.value)));
    byId("issue-before").onclick = () => choose(state.issue - 1);
    byId("issue-after").onclick = () => choose(state.issue + 1);
    if (data.issues.length < data.all_issues) byId("kept").textContent = `The page holds ${data.issues.length} of ${data.all_issues} issue times.`;
  } else {
    const [first, last] = [data.first_day, data.first_day + data.days - 1];
    for (const id of ["from", "to"]) {
      Object.assign(byId(id), { min: dayText(first), max: dayText(last) });
      byId(id).addEventListener("change", () => {
        const [from, to] = ["from", "to"].map((one) => dayNumber(byId(one)));
        if (from >= first && to <= last && from <= to) { Object.assign(state, { from, to }); again(); } else byId("answer").textContent = `Give days from ${dayText(first)} to ${dayText(last)}, the first one first.`;
      });
    }
    byId("whole").onclick = () => { Object.assign(state, { from: first, to: last }); again(); };
    if (data.days < data.all_days) byId("kept").textContent = `The page holds the last ${data.days} of ${data.all_days} days.`;
  }
  const named = stationSearch(data, state, (choice) => { Object.assign(state, choice); show(); });
  function show() {
    if (!data.ahead) [state.from, state.to] = data.spans[state.station].map((place) => data.first_day + place);
    named();
    again();
  }
  show();
}

comeAlive([["plot-data", plotParts]]);

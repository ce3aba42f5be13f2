// One station: its forecast of an issue day, its whole period, its flow duration curve, and its scores.

function stationPart(data, state) {
  if (!data.issues) return { draw() {}, issues: 0 };
  const { leads, issues } = data;
  const count = data.stations.length, L = leads.length, horizon = leads[L - 1];
  const days = data.values.observed.length / count;
  const back = (value) => value * data.scale[state.station] + data.offset[state.station];
  const regimeOf = () => data.regimes.find((regime) => regime.key === state.regime);
  const observedOn = (day) => {
    const place = day - data.first_day;
    return place < 0 || place >= days ? NaN : back(data.values.observed[state.station * days + place]);
  };
  const rainOn = (day) => {
    const place = day - data.first_day;
    return place < 0 || place >= days ? NaN : data.values.rain[state.station * days + place] * data.rain.scale[state.station];
  };
  const ahead = (key, issue) => Array.from({ length: L }, (_, lead) => back(data.values[key][(state.station * issues.length + issue) * L + lead]));
  const nameOf = () => [data.stations[state.station], data.names[state.station]].filter(Boolean).join(", ");
  const unit = data.units && ` (${data.units})`;
  const yLabel = data.modality + unit;
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, place) => from + place);
  const setIssue = (issue) => {
    state.issue = issue;
    byId("issue").value = issue;
    drawForecast();
  };

  function forecastOf(issue) {
    const day = issues[issue], x = range(day - 30, day + horizon + 2);
    const at = (values) => x.map((one) => (leads.includes(one - day) ? values[leads.indexOf(one - day)] : NaN));
    const observed = x.map(observedOn), last = observedOn(day);
    const fan = regimeOf().fan ?? [];
    const joined = (values) => x.map((one) => (one === day ? last : leads.includes(one - day) ? values[leads.indexOf(one - day)] : NaN));
    const bands = [[0.05, 0.95, 90, "fan-wide"], [0.25, 0.75, 50, "fan-narrow"]].filter(([low, high]) => fan.includes(low) && fan.includes(high)).map(([low, high, share, colour]) => ({
      low: joined(ahead(`quantile ${state.regime} ${low}`, issue)), high: joined(ahead(`quantile ${state.regime} ${high}`, issue)), colour: colourOf(colour), label: `${share} % band`,
    }));
    return { day, x, observed, last, bands, forecast: at(ahead(`forecast ${state.regime}`, issue)) };
  }

  /** Rain on these days, where the page holds it. */
  const rainOver = (x) => (data.rain ? { label: "rain observed", values: x.map(rainOn), colour: colourOf("rain"), yLabel: `rain${data.rain.units && ` (${data.rain.units})`}` } : undefined);

  function drawForecast(width = byId("forecast-host").clientWidth) {
    const { day, x, observed, last, bands, forecast } = forecastOf(state.issue);
    byId("issue").setAttribute("aria-valuetext", dayText(day));
    byId("issue-day").textContent = dayText(day);
    byId("station-name").textContent = nameOf();
    hydrograph(byId("forecast-host"), width, {
      x, day, horizon, observed, last, yLabel, bands, height: 290, hung: rainOver(x), lines: [{ label: "forecast", values: forecast, colour: colourOf("blue") }],
    });
    const known = leads.map((lead) => [lead, forecast[x.indexOf(day + lead)], observedOn(day + lead)]);
    const said = known.map(([lead, value, seen]) => `lead ${lead} ${text(value)}${Number.isFinite(seen) ? ` (observed ${text(seen)})` : ""}`).join(", ");
    byId("forecast-host").setAttribute("aria-label", `Hydrograph of ${nameOf()}, forecast issued on ${dayText(day)}${unit}: ${said}.`);
    byId("forecast-note").textContent = `Issued on ${dayText(day)}, ${regimeOf().words}${unit}: ${said}. ${bands.length ? "Shaded: the 50 and 90 % bands." : "The model gives no bands."}`;
    refreshForecast();
  }

  /** Observed and forecast at the chosen lead on the days of the kept issues. */
  const pairs = () => issues.map((day, issue) => [day + leads[state.lead], back(data.values[`forecast ${state.regime}`][(state.station * issues.length + issue) * L + state.lead]), observedOn(day + leads[state.lead])]);

  function drawPeriod(width) {
    const x = range(data.first_day, data.first_day + days - 1), at = new Map(pairs().map(([day, value]) => [day, value]));
    lineChart(byId("period-host"), width, {
      x, days: true, yLabel, height: 230, series: [
        { label: "observed", values: x.map(observedOn), colour: colourOf("text"), width: 1 },
        { label: `forecast at lead ${leads[state.lead]}`, values: x.map((day) => at.get(day) ?? NaN), colour: colourOf("blue"), width: 0, points: true },
      ],
      choose: (day) => setIssue(issues.reduce((best, one, place) => (Math.abs(one - day) < Math.abs(issues[best] - day) ? place : best), 0)),
    });
    byId("period-host").setAttribute("aria-label", `${yLabel} of ${nameOf()} from ${dayText(x[0])} to ${dayText(x[x.length - 1])} with the forecasts at lead ${leads[state.lead]}.`);
    refreshPeriod();
  }

  const duration = () => {
    const both = pairs().filter(([, value, seen]) => Number.isFinite(value) && Number.isFinite(seen));
    const sorted = [1, 2].map((part) => both.map((pair) => pair[part]).sort((one, other) => other - one));
    return both.length < 10 ? [] : range(0, 100).map((share) => [share, ...[sorted[1], sorted[0]].map((list) => list[Math.round((share / 100) * (list.length - 1))])]);
  };

  function drawDuration(width) {
    const rows = duration(), host = byId("duration-host");
    if (!rows.length) {
      host.replaceChildren(element("p", { className: "soft", textContent: "Too few days were observed here." }));
      return;
    }
    const logarithmic = rows.every(([, seen, value]) => seen > 0 && value > 0);
    lineChart(host, width, {
      x: rows.map((row) => row[0]), xLabel: "share of days with more, %", yLabel, logarithmic, height: 230, series: [
        { label: "observed", values: rows.map((row) => row[1]), colour: colourOf("text") },
        { label: `forecast at lead ${leads[state.lead]}`, values: rows.map((row) => row[2]), colour: colourOf("blue"), dash: [6, 3] },
      ],
    });
    host.setAttribute("aria-label", `Flow duration curve of ${nameOf()}: exceeded on 5 % of days ${text(rows[5][1])} observed and ${text(rows[5][2])} forecast, on 95 % ${text(rows[95][1])} and ${text(rows[95][2])}.`);
    refreshDuration();
  }

  function drawScores() {
    const regime = regimeOf(), rows = regime.scores.map((score, place) => [
      score.words + (score.units ? ` (${score.units})` : ""), ...leads.map((_, lead) => scoreText(data.values[`score ${state.regime} ${place}`][lead * count + state.station], score.units)),
    ]);
    const last = data.values[`persistence ${state.regime}`];
    if (last) rows.splice(1, 0, ["NSE of persistence, for comparison", ...leads.map((_, lead) => scoreText(last[lead * count + state.station]))]);
    const made = table(["score", ...leads.map((lead) => `lead ${lead}`)], rows, `Scores of ${nameOf()}, ${regime.words}`);
    byId("station-scores").replaceChildren(made);
    offerTable(made.querySelector("table"), `scores of ${nameOf()}`);
    drawModels();
  }

  /** Scores of the model and of each baseline at the chosen lead time, on the days that all of them have. */
  function drawModels() {
    const { models = [], beside = [], words } = regimeOf(), host = byId("station-models");
    host.parentElement.hidden = !models.length;
    if (!models.length) return;
    const of = data.values[`models ${state.regime}`], lead = leads[state.lead];
    const valueOf = (score, place) => of[((score * models.length + place) * L + state.lead) * count + state.station];
    if (models.every((_, place) => beside.every((_, score) => !Number.isFinite(valueOf(score, place))))) {
      host.replaceChildren(element("p", { className: "soft", textContent: "Too few days here have a forecast of every model." }));
      return;
    }
    const rows = models.map((model, place) => [model, ...beside.map(({ units }, score) => scoreText(valueOf(score, place), units))]);
    const caption = `${nameOf()} beside the baselines at lead ${lead}, ${words}, on the days that all have`;
    const made = table(["forecast", ...beside.map((score) => score.words + (score.units ? ` (${score.units})` : ""))], rows, caption);
    host.style.setProperty("--columns", beside.length);
    host.replaceChildren(made);
    offerTable(made.querySelector("table"), `baselines at ${nameOf()}, lead ${lead}`);
  }

  const refreshForecast = underneath(byId("forecast-host"), byId("forecast-note"), () => `forecast of ${nameOf()} issued ${dayText(issues[state.issue])}`,
    () => { const { day, bands, forecast, x } = forecastOf(state.issue); return leads.map((lead) => { const place = x.indexOf(day + lead); return [dayText(day + lead), forecast[place], observedOn(day + lead), ...bands.flatMap((band) => [band.low[place], band.high[place]])]; }); },
    () => ["day", "forecast", "observed", ...forecastOf(state.issue).bands.flatMap((band) => [`${band.label}, low`, `${band.label}, high`])]);
  const refreshPeriod = underneath(byId("period-host"), byId("period-note"), () => `${data.modality} and forecasts at lead ${leads[state.lead]} of ${nameOf()}`,
    () => pairs().map(([day, value, seen]) => [dayText(day), value, seen]), () => ["day", "forecast", "observed"]);
  const refreshDuration = underneath(byId("duration-host"), byId("duration-note"), () => `flow duration curve of ${nameOf()}`, duration, () => ["share of days with more, %", "observed", "forecast"]);

  byId("issue").max = issues.length - 1;
  byId("issue").addEventListener("input", (event) => { state.issue = Number(event.target.value); drawForecast(); });
  byId("issue-before").onclick = () => setIssue(Math.max(0, state.issue - 1));
  byId("issue-after").onclick = () => setIssue(Math.min(issues.length - 1, state.issue + 1));
  byId("issue-highest").onclick = () => {
    const seen = issues.map((day) => Math.max(...leads.map((lead) => observedOn(day + lead)).filter(Number.isFinite), -Infinity));
    setIssue(seen.reduce((best, value, place) => (value > seen[best] ? place : best), 0));
  };
  if (issues.length < data.all_issues) byId("issues-kept").textContent = `The page holds ${issues.length} of ${data.all_issues} issue days, evenly spread over the last part of the period; values are rounded to about 1 %.`;
  const drawEvents = eventsTable(data, state, { observedOn, forecastOn: (issue, lead) => back(data.values[`forecast ${state.regime}`][(state.station * issues.length + issue) * L + lead]), nameOf, unit, setIssue });
  const draws = [figure(byId("forecast-host"), drawForecast), figure(byId("period-host"), drawPeriod), figure(byId("duration-host"), drawDuration)];
  return { draw() { draws.forEach((draw) => draw()); drawScores(); drawEvents(); }, highest: () => byId("issue-highest").click() };
}

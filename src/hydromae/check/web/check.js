// The page of a check: the parts share the station and the series that the reader chose.

function checkParts(data) {
  data.series.forEach((one, number) => { one.number = number; });
  if (data.series.length) stationParts(data);
  yearsPart(data);
  if (data.grids.length) gridsPart(data);
}

function stationParts(data) {
  const state = { station: 0, series: 0, score: 0, lead: 0, regime: "data" };
  const seriesOf = () => data.series[state.series];
  const suspectsOf = () => seriesOf().suspects.filter(([station]) => station === state.station || station === -1);
  const nameOf = () => [data.stations[state.station], data.names[state.station]].filter(Boolean).join(", ");
  const shown = { seriesOf, suspectsOf, nameOf }, scores = data.regimes[0].scores, EACH = scores.length / data.series.length;
  // The page begins with the station that has most findings, or else most suspicious days of the first series.
  const weight = data.stations.map((_, station) => data.findings.reduce((sum, one) => sum + (one.at[station] ? { error: 1e6, warning: 1e3, note: 1 }[one.severity] : 0), 0) + Math.min(900, data.values["score data 2"][station] || 0));
  state.station = weight.reduce((best, value, station) => (value > weight[best] ? station : best), 0);
  const changed = (choice) => { Object.assign(state, choice); update(choice.series !== undefined); };
  choices(byId("series"), data.series.map((one, place) => [place, one.name]), 0);
  choices(byId("score"), scores.map((score, place) => [place, score.words]), 0);
  byId("series").onchange = (event) => {
    const series = Number(event.target.value), score = series * EACH + (state.score % EACH);
    byId("score").value = score;
    changed({ series, score });
  };
  byId("score").onchange = (event) => { const score = Number(event.target.value); state.score = score; map(); };
  const map = stationMap(data, state, changed), named = stationSearch(data, state, changed);
  const record = recordPart(data, state, shown), days = calendar(data, state, shown), all = overview(data, state, shown, changed);
  const update = (whole) => { named(); map(); record(); days(); if (whole) all(); };
  update(true);
}

comeAlive([["check-data", checkParts]]);

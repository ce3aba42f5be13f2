// The report: forecasts with their stations and skill, and maps of a reconstruction.

/** Forecasts: the parts share what the reader chose. */
function explore(data) {
  const has = (regime) => regime.scores.length > 0;
  const regime = data.regimes.find((one) => one.key === "none" && has(one)) ?? data.regimes.find(has) ?? data.regimes[0];
  const state = { station: 0, issue: 0, regime: regime.key, lead: 0, score: 0, metric: "nse" };
  const scored = data.regimes.some(has);
  const first = scored ? data.values[`score ${state.regime} 0`].subarray(0, data.stations.length) : null;
  if (first) { // the page begins with a station in the middle of the scores
    const ranked = [...first.keys()].filter((station) => Number.isFinite(first[station])).sort((one, other) => first[one] - first[other]);
    state.station = ranked[Math.floor(ranked.length / 2)] ?? 0;
  }
  const changed = (choice) => { Object.assign(state, choice); update(choice.station === undefined); };
  choices(byId("regime"), data.regimes.map((one) => [one.key, one.words]), state.regime);
  choices(byId("lead"), data.leads.map((lead, place) => [place, `lead ${lead}`]), 0);
  const offerScores = () => choices(byId("score"), data.regimes.find((one) => one.key === state.regime).scores.map((score, place) => [place, score.words]), state.score);
  offerScores();
  byId("regime").onchange = (event) => { state.regime = event.target.value; offerScores(); changed({}); };
  byId("lead").onchange = (event) => changed({ lead: Number(event.target.value) });
  byId("score").onchange = (event) => changed({ score: Number(event.target.value) });
  byId("map-figure").hidden = !scored;
  for (const part of ["station-part", "station-tables"]) byId(part).hidden = !data.issues;
  const map = scored ? stationMap(data, state, changed) : () => {};
  const station = stationPart(data, state), named = stationSearch(data, state, changed), skill = skillPart(data, state);
  const update = (all) => { named(); map(); station.draw(); if (all) skill(); };
  update(true);
  station.highest?.();
}

comeAlive([["explorer-data", explore], ["grids-data", dayMaps]]);

// Brings the parts to life; without this script, or where it fails, the page shows its pictures instead.

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

/** Show the pictures that are there for pages without scripts. */
function showPictures(error) {
  for (const hidden of document.querySelectorAll("noscript")) {
    const held = new DOMParser().parseFromString(hidden.textContent, "text/html").body;
    hidden.replaceWith(...held.childNodes);
  }
  for (const part of document.querySelectorAll(".live")) part.hidden = true;
  byId("script-status").textContent = `This browser cannot show the parts with choices (${error.message}); their pictures are shown instead.`;
  byId("script-status").hidden = false;
}

async function start() {
  for (const made of document.querySelectorAll("main table")) offerTable(made, made.caption?.innerText ?? made.closest("section")?.querySelector("h2")?.innerText ?? "table");
  for (const shown of document.querySelectorAll(".picture img")) {
    const kind = shown.src.startsWith("data:image/svg") ? "SVG" : "PNG";
    const words = shown.alt.split(/[.:,]/)[0];
    shown.closest("figure").append(saveButton(kind, words, async () => {
      const [head, content] = shown.src.split(",");
      save(fileName(words, kind.toLowerCase()), new Blob([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], { type: head.slice(5).split(";")[0] }));
    }));
  }
  try {
    for (const [id, begin] of [["explorer-data", explore], ["grids-data", dayMaps]]) {
      const data = await unpack(id);
      if (!data) continue;
      for (const part of document.querySelectorAll(`.live[data-of=${id}]`)) part.hidden = false;
      begin(data);
    }
  } catch (error) {
    console.error(error);
    showPictures(error);
  }
  document.documentElement.dataset.ready = "yes";
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("beforeprint", () => {
  printing = true;
  document.documentElement.dataset.paper = "yes";
  for (const details of document.querySelectorAll("details.settings")) details.open = true;
  drawAll();
});
addEventListener("afterprint", () => {
  printing = false;
  delete document.documentElement.dataset.paper;
  drawAll();
});
start();

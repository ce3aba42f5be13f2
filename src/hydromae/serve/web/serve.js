// Ties the parts together: what the reader chose, the question that it makes, and its answer.

function serveParts(data) {
  const ask = asker(), hidden = hiddenDays(), spans = () => hidden.spans();
  const models = data.runs.length > 0;
  const nameOf = (station) => [station, data.names[data.stations.indexOf(station)]].filter(Boolean).join(", ");
  const state = {
    station: 0, score: 0, lead: 0, regime: "data", // what the shared parts read
    day: data.last_day, horizon: Math.min(7, data.longest), after: "none", series: data.predicted[0], weeks: 8,
    modalities: new Set(), wholeStation: false, patches: new Set(), grid: data.grids[0]?.name, nameOf,
  };
  const isHidden = (day) => hidden.has(day) || state.wholeStation || state.modalities.has(state.series);
  const everywhere = () => state.wholeStation || state.modalities.has(state.series);
  state.of = { hidden: isHidden, spans: () => (everywhere() ? [[data.first_day, data.last_day + 400]] : spans()) };

  const panel = mainPanel(data, state, (first, last) => { hidden.turn(first, last); changed(); });
  const others = otherPanels(data, state, panel);
  const record = recordPanel(data, state, (day) => setDay(day));
  const patches = data.grids.length ? patchMap(data, state, () => changed()) : null;
  const map = stationMap(data, state, (choice) => chooseStation(choice));
  const named = stationSearch(data, state, (choice) => chooseStation(choice));

  const question = () => ({
    station: data.stations[state.station], day: dayText(state.day), horizon: state.horizon, after: state.after, series: state.series,
    hidden_days: spans().map((span) => span.map(dayText)), hidden_modalities: [...state.modalities], hidden_station: state.wholeStation,
    hidden_patches: [...state.patches], grid: state.grid ?? null,
  });
  const working = (is) => document.body.toggleAttribute("data-working", is);

  /** Ask what the page shows now; what comes back to an older question is not shown. */
  async function changed() {
    listHidden();
    working(true);
    try {
      const answer = await ask("ask", question());
      if (!answer) return;
      panel.show(answer);
      others();
      await patches?.(answer);
      problem("");
    } catch (error) {
      panel.clear();
      others();
      problem(error.message);
    }
    working(false);
  }

  function problem(sentence) {
    byId("problem").textContent = sentence;
    byId("problem").hidden = !sentence;
  }

  async function readRecord() {
    const { station, day, series } = question();
    const answer = await ask("record", { station, day, series });
    if (answer) await record.show(station, answer.packed, data.series.find((one) => one.name === series));
    return answer;
  }

  async function chooseStation(choice) {
    Object.assign(state, choice);
    named();
    map();
    await Promise.all([changed(), readRecord().catch((error) => problem(error.message))]);
  }

  function setDay(day) {
    state.day = Math.max(data.first_day, Math.min(data.last_day, day));
    byId("issue").value = state.day;
    byId("issue").setAttribute("aria-valuetext", dayText(state.day));
    byId("issue-date").value = dayText(state.day);
    record.again();
    changed();
  }

  /** The spans that are hidden, each with a button that shows it again. */
  function listHidden() {
    if (!models) return;
    byId("hidden-list").replaceChildren(...spans().map(([first, last]) => element("li", {},
      element("span", { textContent: first === last ? dayText(first) : `${dayText(first)} to ${dayText(last)}` }),
      element("button", { type: "button", className: "save", textContent: "show", "aria-label": `Show ${dayText(first)} to ${dayText(last)} again`, onclick: () => { hidden.show(first, last); changed(); } }))));
    byId("hidden-none").hidden = spans().length > 0;
  }

  function maskControls() {
    byId("modalities").replaceChildren(...data.hides.map((name) => {
      const box = element("input", { type: "checkbox", onchange: () => { if (box.checked) state.modalities.add(name); else state.modalities.delete(name); changed(); } });
      const label = [...data.series, ...data.grids].find((one) => one.name === name)?.label ?? name;
      return element("label", { className: "tick" }, box, ` ${label}, everywhere`);
    }));
    byId("whole-station").onchange = (event) => { state.wholeStation = event.target.checked; changed(); };
    const ends = () => ["hide-from", "hide-to"].map((id) => Math.round(byId(id).valueAsNumber / 864e5));
    const named = (how) => () => {
      const [first, last] = ends();
      if (![first, last].every(Number.isFinite) || last < first) { problem("Give the first and the last day that are hidden, in this order."); return; }
      hidden[how](first, last);
      changed();
    };
    byId("hide-days").onclick = named("hide");
    byId("show-days").onclick = named("show");
    byId("show-all").onclick = () => {
      hidden.clear();
      for (const set of [state.modalities, state.patches]) set.clear();
      for (const box of document.querySelectorAll("#mask input[type=checkbox]")) box.checked = false;
      state.wholeStation = false;
      changed();
    };
    byId("after").onchange = (event) => { state.after = event.target.value; changed(); };
    byId("horizon").max = data.longest;
    byId("horizon").value = state.horizon;
    byId("horizon").onchange = (event) => { state.horizon = Math.max(1, Math.min(data.longest, Math.round(event.target.value) || 1)); event.target.value = state.horizon; changed(); };
  }

  byId("issue").min = data.first_day;
  byId("issue").max = data.last_day;
  Object.assign(byId("issue-date"), { min: dayText(data.first_day), max: dayText(data.last_day) });
  byId("issue").addEventListener("input", (event) => setDay(Number(event.target.value)));
  byId("issue-date").addEventListener("change", (event) => { if (event.target.value) setDay(Math.round(event.target.valueAsNumber / 864e5)); });
  byId("issue-before").onclick = () => setDay(state.day - 1);
  byId("issue-after").onclick = () => setDay(state.day + 1);
  byId("issue-highest").onclick = () => setDay(record.beforeHighest());
  byId("weeks").onchange = (event) => { state.weeks = Number(event.target.value); panel.again(); others(); };
  choices(byId("score"), data.regimes[0].scores.map((score, place) => [place, score.words]), 0);
  byId("score").onchange = (event) => { state.score = Number(event.target.value); map(); };
  if (byId("series")) {
    choices(byId("series"), data.predicted.map((name) => [name, data.series.find((one) => one.name === name).label]), state.series);
    byId("series").onchange = (event) => { state.series = event.target.value; chooseStation({}); };
  }
  if (models) maskControls();
  return async () => {
    named();
    map();
    await readRecord();
    setDay(record.beforeHighest());
  };
}

async function startServe() {
  for (const part of document.querySelectorAll(".live")) part.hidden = false;
  try {
    await serveParts(await unpack("serve-data"))();
  } catch (error) {
    console.error(error);
    byId("problem").textContent = `The page cannot be shown: ${error.message}`;
    byId("problem").hidden = false;
  }
  document.documentElement.dataset.ready = "yes";
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
startServe();

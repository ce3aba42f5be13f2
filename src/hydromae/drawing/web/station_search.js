// A field that finds a station.

/** Search by id or by a part of the name, and steps to the neighbours in the list. */
function stationSearch(data, state, changed) {
  const field = byId("station"), status = byId("station-status");
  byId("stations").replaceChildren(...data.stations.map((id, place) => element("option", { value: [id, data.names[place]].filter(Boolean).join(", ") })));
  const find = (words) => {
    const sought = words.trim().toLowerCase(), id = sought.split(",")[0];
    if (!sought) return -1;
    const exact = data.stations.findIndex((station) => station.toLowerCase() === id);
    return exact >= 0 ? exact : data.stations.findIndex((station, place) => `${station}, ${data.names[place]}`.toLowerCase().includes(sought));
  };
  const choose = () => {
    const station = find(field.value);
    status.textContent = station < 0 && field.value.trim() ? `No station is called “${field.value.trim()}”.` : "";
    if (station >= 0) changed({ station });
  };
  field.addEventListener("change", choose);
  field.addEventListener("keydown", (event) => event.key === "Enter" && choose());
  const step = (by) => changed({ station: (state.station + by + data.stations.length) % data.stations.length });
  byId("station-before").onclick = () => step(-1);
  byId("station-after").onclick = () => step(1);
  return () => { field.value = [data.stations[state.station], data.names[state.station]].filter(Boolean).join(", "); };
}

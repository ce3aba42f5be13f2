// The map of a grid on the issue day: a click hides or shows a patch in all grids.

function patchMap(data, state, changed) {
  const hosts = { host: byId("grids-host"), legend: byId("grids-legend"), status: byId("grids-status") };
  const known = new Set(data.patches), hidden = state.patches;
  let made = null;

  const placeOf = ({ row, column }) => {
    const { grid, rows } = made, down = grid.first_row + (grid.turned ? rows - 1 - row : row);
    return { down: Math.floor(down / grid.patch), across: Math.floor((grid.first_column + column) / grid.patch) };
  };
  const turn = ({ down, across }) => {
    const patch = down * made.grid.across + across;
    if (across < 0 || across >= made.grid.across || !known.has(patch)) {
      hosts.status.textContent = `No patch with enough land lies in row ${down + 1} and column ${across + 1} of the patches.`;
      return;
    }
    if (!hidden.delete(patch)) hidden.add(patch);
    changed();
  };
  const draw = (width) => {
    byId("patches-count").textContent = hidden.size ? `${hidden.size} of ${known.size} patches are hidden.` : "No patch is hidden.";
    if (!made) return;
    const panels = !data.hides_patches ? [0] : made.grid.predicts && hidden.size ? [1, 2, 3] : [1];
    gridFigure(hosts, made, panels, width, data.hides_patches ? (cell) => turn(placeOf(cell)) : undefined);
  };
  const again = figure(hosts.host, draw);
  choices(byId("grid-name"), data.grids.map((grid) => [grid.name, grid.label]), state.grid);
  byId("grid-name").onchange = (event) => { state.grid = event.target.value; changed(); };
  if (data.hides_patches) {
    byId("patch-turn").onclick = () => made && turn({ down: byId("patch-row").value - 1, across: byId("patch-column").value - 1 });
    byId("patches-show").onclick = () => { hidden.clear(); changed(); };
  }
  return async (answer) => {
    if (!answer.grid) return;
    const { grid, arrays, values } = await unpackText(answer.grid);
    const [rows, columns] = arrays[0].shape, back = (part) => Float32Array.from(part, (value) => value * grid.scale + grid.offset);
    made = { grid, day: dayText(answer.day), rows, columns, observed: back(values.observed), filled: back(values.reconstructed), hidden: values.hidden };
    again();
  };
}

// Maps and tables of coloured cells, with a coast and a scale of colours.

const rgb = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

/**
 * A canvas of cells; `colourAt` gives the red, green and blue of each, `known` whether it has a value, for the coast.
 *
 * label: what the picture shows, in words; wide, high: in pixels of the page; left, top: [place of a row or column, words].
 */
function cellCanvas({ rows, columns, colourAt, known, label, wide, high = (wide * rows) / columns, left = [], top = [] }) {
  const ratio = devicePixelRatio || 1, small = element("canvas", { width: columns, height: rows });
  const picture = small.getContext("2d").createImageData(columns, rows);
  for (let cell = 0; cell < rows * columns; cell++) picture.data.set([...colourAt(cell), 255], cell * 4);
  small.getContext("2d").putImageData(picture, 0, 0);
  const canvas = element("canvas", { width: wide * ratio, height: high * ratio, role: "img" });
  canvas.setAttribute("aria-label", label);
  Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px` });
  const brush = canvas.getContext("2d"), font = "12px system-ui, sans-serif";
  brush.scale(ratio, ratio);
  brush.font = font;
  const before = left.length ? Math.max(...left.map(([, words]) => brush.measureText(words).width)) + 6 : 0, above = top.length ? 18 : 0;
  const [cell, tall] = [(wide - before) / columns, (high - above) / rows];
  canvas.margins = { before, above };
  brush.imageSmoothingEnabled = cell < 1 || tall < 1;
  brush.drawImage(small, before, above, wide - before, high - above);
  Object.assign(brush, { fillStyle: colourOf("text"), textBaseline: "middle", textAlign: "right" });
  for (const [row, words] of left) brush.fillText(words, before - 5, above + (row + 0.5) * tall);
  brush.textAlign = "left";
  for (const [column, words] of top) if (before + column * cell + brush.measureText(words).width <= wide) brush.fillText(words, before + column * cell, above / 2);
  brush.translate(before, above);
  if (known) coast(brush, known, rows, columns, cell, tall);
  return canvas;
}

/** The row and the column of the cell under the pointer. */
function cellUnder(event, canvas, rows, columns) {
  const { before, above } = canvas.margins, at = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  return { row: at((event.offsetY - above) / (canvas.clientHeight - above), rows), column: at((event.offsetX - before) / (canvas.clientWidth - before), columns) };
}

/** A line between cells with and without a value. */
function coast(brush, known, rows, columns, cell, tall) {
  brush.beginPath();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const place = row * columns + column;
      if (column + 1 < columns && known(place) !== known(place + 1)) { brush.moveTo((column + 1) * cell, row * tall); brush.lineTo((column + 1) * cell, (row + 1) * tall); }
      if (row + 1 < rows && known(place) !== known(place + columns)) { brush.moveTo(column * cell, (row + 1) * tall); brush.lineTo((column + 1) * cell, (row + 1) * tall); }
    }
  }
  brush.strokeStyle = colourOf("text");
  brush.lineWidth = 0.7;
  brush.stroke();
}

/** A scale of colours with its ends. */
function legend(colours, low, high, words) {
  const [wide, step] = [260, 260 / colours.length];
  const label = (x, anchor, content) => drawn("text", { x, y: 26, "text-anchor": anchor, fill: colourOf("text"), "font-size": 12 }, content);
  return drawn("svg", { viewBox: `0 0 ${wide} 30`, role: "img", class: "legend", "aria-label": `Colours of ${words}, from ${text(low)} to ${text(high)}` },
    ...colours.map((fill, place) => drawn("rect", { x: place * step, width: step + 0.5, height: 10, fill })), label(0, "start", text(low)), label(wide / 2, "middle", words.slice(0, 34)), label(wide, "end", text(high)));
}

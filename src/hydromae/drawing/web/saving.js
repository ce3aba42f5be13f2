// Tables as CSV and figures as PNG, made in the page.

function save(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const fileName = (words, suffix) => `${words.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "").slice(0, 60)}.${suffix}`;

const csvCell = (cell) => {
  const plain = String(cell).replace("\u2212", "-").replace(/^–$/, "");
  return /[",\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
};

function saveRows(words, rows) {
  save(fileName(words, "csv"), new Blob([`${rows.map((row) => row.map(csvCell).join(",")).join("\n")}\n`], { type: "text/csv" }));
}

const saveButton = (kind, words, onclick) =>
  element("button", { type: "button", className: "save", textContent: kind, "aria-label": `Save ${words} as ${kind}`, onclick });

/** A button under a table that saves what it shows. */
function offerTable(made, words) {
  const holder = made.closest(".wide") ?? made;
  const rows = () => [...made.rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim().replace(/\s+/g, " ")));
  holder.after(saveButton("CSV", words, () => saveRows(words, rows())));
}

/** A button that saves the canvases of a host, beside each other, on the page's colour and with their title. */
function canvasButton(host, title) {
  return saveButton("PNG", title(), () => {
    const parts = [...host.querySelectorAll("canvas")];
    const ratio = parts[0].width / parts[0].clientWidth, top = 26 * ratio;
    const boxes = parts.map((part) => part.getBoundingClientRect());
    const left = Math.min(...boxes.map((box) => box.left)), high = Math.min(...boxes.map((box) => box.top));
    const sheet = element("canvas", {
      width: (Math.max(...boxes.map((box) => box.right)) - left) * ratio,
      height: (Math.max(...boxes.map((box) => box.bottom)) - high) * ratio + top,
    });
    const brush = sheet.getContext("2d");
    brush.fillStyle = colourOf("card");
    brush.fillRect(0, 0, sheet.width, sheet.height);
    brush.fillStyle = colourOf("text");
    brush.font = `${14 * ratio}px system-ui, sans-serif`;
    brush.fillText(title(), 6 * ratio, 18 * ratio, sheet.width - 12 * ratio);
    parts.forEach((part, place) => {
      const box = boxes[place];
      brush.drawImage(part, (box.left - left) * ratio, (box.top - high) * ratio + top, box.width * ratio, box.height * ratio);
    });
    sheet.toBlob((blob) => save(fileName(title(), "png"), blob));
  });
}

/** A button that saves the drawing of a host, on the page's colour. */
function drawingButton(host, title) {
  return saveButton("SVG", title(), () => {
    const copy = host.querySelector("svg").cloneNode(true);
    copy.prepend(drawn("rect", { width: "100%", height: "100%", fill: colourOf("card") }));
    copy.setAttribute("font-family", "sans-serif");
    save(fileName(title(), "svg"), new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  });
}

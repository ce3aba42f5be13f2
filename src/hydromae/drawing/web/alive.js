// Brings a page to life; without this script, or where it fails, the page shows its pictures and tables instead.

/** Show the pictures that are there for pages without scripts. */
function showPictures(error) {
  for (const hidden of document.querySelectorAll("noscript")) {
    const held = new DOMParser().parseFromString(hidden.textContent, "text/html").body;
    hidden.replaceWith(...held.childNodes);
  }
  for (const part of document.querySelectorAll(".live")) part.hidden = true;
  byId("script-status").textContent = `This browser cannot show the parts with choices (${error.message}); their pictures and tables are shown instead.`;
  byId("script-status").hidden = false;
}

/** Begin each part that the page holds, [id of its data, function]; buttons to save every table and picture. */
async function comeAlive(parts) {
  listen();
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
    for (const [id, begin] of parts) {
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

function listen() {
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
}

"use strict";
// Texts that lie compressed in the page (pipeline/report/pack.py); each is unpacked once, when it is asked for.
const unpacked = {};
const unpack = (id) => {
  const read = async () => {
    const letters = atob(document.getElementById(`pack-${id}`).textContent);
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  return (unpacked[id] ??= read());
};

// Figures.
(async () => {
  const plots = [...document.querySelectorAll(".plot")];
  const done = () => {
    document.documentElement.dataset.drawn = plots.length;
    performance.mark("last figure");
  };
  if (!plots.length) return done();
  const [library, text] = await Promise.all([unpack("library"), unpack("figures")]);
  const script = document.createElement("script");
  script.textContent = library;
  document.head.append(script);

  const partner = JSON.parse(document.getElementById("dark").textContent);
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const config = {
    displaylogo: false,
    responsive: true,
    displayModeBar: touch ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    plotlyServerURL: "",
    toImageButtonOptions: { format: "svg" },
  };

  // Every colour has a partner for dark paper (pipeline/report/theme.py).
  const colours = (dark) => JSON.parse(dark ? text.replace(/#[0-9a-f]{6}/g, (c) => partner[c] ?? c) : text);

  const draw = (plot, figures) => {
    const { data, layout } = figures[plot.dataset.figure];
    if (touch) layout.dragmode = false; // a finger on a figure scrolls the page
    Plotly.react(plot, data, layout, config);
  };

  // One figure a turn, what the reader sees first, so that the page answers while the rest is drawn.
  const inView = (plot) => {
    const { top, bottom } = plot.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  let turn = 0;
  const drawAll = (dark) => {
    const figures = colours(dark);
    const mine = ++turn;
    const waiting = new Set(plots);
    const next = () => {
      if (mine !== turn) return;
      if (!waiting.size) return done();
      const plot = [...waiting].find(inView) ?? [...waiting][0];
      waiting.delete(plot);
      draw(plot, figures);
      performance.mark("first figure");
      setTimeout(next, 0);
    };
    next();
  };
  drawAll(wantsDark.matches);
  wantsDark.addEventListener("change", () => drawAll(wantsDark.matches));
  addEventListener("beforeprint", () => {
    turn++;
    document.body.classList.add("printing");
    const figures = colours(false);
    plots.forEach((plot) => draw(plot, figures));
  });
  addEventListener("afterprint", () => {
    document.body.classList.remove("printing");
    drawAll(wantsDark.matches);
  });
})();

// The numbers behind a figure or table, as a file.
document.querySelectorAll("button[data-csv]").forEach((button) =>
  button.addEventListener("click", async () => {
    const name = button.dataset.csv;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.parse(await unpack("tables"))[name]], { type: "text/csv" }));
    link.download = `${name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  })
);

// Tables that are sorted by a click on a column's head.
(() => {
  const value = (row, i) => row.cells[i].dataset.sort ?? row.cells[i].textContent;
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return Number.isNaN(x) ? a.localeCompare(b) : x - y;
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, i) =>
      head.firstElementChild.addEventListener("click", () => {
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => sign * compare(value(a, i), value(b, i)));
        table.tBodies[0].append(...rows);
      })
    );
  });
})();

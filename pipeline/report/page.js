"use strict";
(() => {
  const text = document.getElementById("figures").textContent;
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
  const plots = [...document.querySelectorAll(".plot")];

  // Every colour has a partner for dark paper (pipeline/report/theme.py).
  const colours = (dark) => JSON.parse(dark ? text.replace(/#[0-9a-f]{6}/g, (c) => partner[c] ?? c) : text);

  const draw = (plot, figures) => {
    const { data, layout } = figures[plot.dataset.figure];
    if (touch) layout.dragmode = false; // a finger on a figure scrolls the page
    Plotly.react(plot, data, layout, config);
  };

  // One figure a turn, from the top, so that the page answers while the rest is drawn.
  let turn = 0;
  const drawAll = (dark) => {
    const figures = colours(dark);
    const mine = ++turn;
    const next = (i) => {
      if (i === plots.length) document.documentElement.dataset.drawn = plots.length;
      if (i === plots.length || mine !== turn) return;
      draw(plots[i], figures);
      setTimeout(next, 0, i + 1);
    };
    next(0);
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

// The search for a cell, by name or by drawing it (pipeline/report/cell_index.py says what it knows).
(() => {
  const root = document.getElementById("lookup");
  if (!root) return;
  const [input, editor, count, hits] = ["input", ".editor", ".count", ".hits"].map((s) => root.querySelector(s));
  const MOST = 12; // cells shown
  let index, place;
  const load = async () => {
    if (index) return;
    index = JSON.parse(await unpack("cells"));
    place = new Map(index.code.map((code, i) => [code, i]));
    index.small = index.names.map((name) => name.toLowerCase());
  };
  const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const number = (value, digits = 0) =>
    value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, digits ? "" : "\u202f");

  // A cell as a graph: {inner: places of operations, links: pairs of vertices}, or operations on edges.
  const nodes = (code) => {
    const [inner, bits] = code.split(":");
    const n = inner.length + 2;
    const links = [];
    let k = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) if (bits[k++] === "1") links.push([i, j]);
    return { inner: [...inner].map(Number), links };
  };

  // The picture: vertices below one another; what passes vertices is an arc beside them.
  const PITCH = 44;
  const box = (x, y, width, [label, fill, ink, kind] = ["", "", "", ""]) => {
    const look = fill
      ? `style="fill:var(--op-${kind},${fill})"`
      : 'fill="currentColor" fill-opacity=".08" stroke="currentColor" stroke-width="1.5"';
    const text = fill ? `style="fill:var(--op-${kind}-text,${ink})"` : 'fill="currentColor"';
    const rect = `<rect x="${x - width / 2}" y="${y - 12}" width="${width}" height="24" rx="6" ${look}/>`;
    const at = `x="${x}" y="${y}" text-anchor="middle" dominant-baseline="central"`;
    return `${rect}<text ${at} font-size="13" ${text}>${escape(label)}</text>`;
  };
  const arrow = (i, j, x, half, step) => {
    const [from, to] = [i * PITCH, j * PITCH];
    const way = j - i === 1
      ? `M${x} ${from + 12}V${to - 12}`
      : `M${x + half} ${from}C${x + half + step} ${from} ${x + half + step} ${to} ${x + half} ${to}`;
    return `<path d="${way}" fill="none" stroke="currentColor" stroke-width="1.5" opacity=".7" marker-end="url(#tip)"/>`;
  };
  const TIP =
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">' +
    '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>';
  const frame = (body, width, rows, title = "") =>
    `<svg class="cell" role="img" aria-label="${escape(title || "cell")}" viewBox="-8 -20 ${width + 16} ${(rows - 1) * PITCH + 40}" ` +
    `width="${width + 16}" height="${(rows - 1) * PITCH + 40}" font-family="system-ui,sans-serif">${TIP}${body}</svg>`;
  const byNodes = (code) => {
    const { inner, links } = nodes(code);
    const names = [["input", "", "", ""], ...inner.map((k) => index.space.ops[k]), ["output", "", "", ""]];
    const arcs = links.map(([i, j]) => arrow(i, j, 46, 46, 18 * (j - i))).join("");
    const widest = Math.max(1, ...links.map(([i, j]) => j - i));
    return frame(arcs + names.map((op, i) => box(46, i * PITCH, 92, op)).join(""), 92 + 14 * widest, names.length);
  };
  const byEdges = (code) => {
    const { ops, edges, titles, nodes: n, inputs, none } = index.space;
    const step = 76;
    return titles.map((title, c) => {
      const used = edges.map((edge, k) => [...edge, Number(code[c * edges.length + k])]).filter((e) => e[2] !== none);
      const arcs = used.map(([i, j]) => arrow(2 * i, 2 * j, 38, j - i === 1 ? 0 : 13, step * (j - i - 1) * 1.34)).join("");
      const dots = Array.from({ length: n }, (_, i) =>
        box(38, 2 * i * PITCH, 28, [i < inputs ? (inputs > 1 ? `in ${i}` : "in") : String(i), "", "", ""]));
      const boxes = used.map(([i, j, op]) => box(38 + step * (j - i - 1), (i + j) * PITCH, 70, ops[op]));
      const widest = Math.max(1, ...used.map(([i, j]) => j - i));
      return frame(arcs + dots.join("") + boxes.join(""), 76 + step * (widest - 1), 2 * n - 1, title);
    }).join("");
  };
  const picture = (code) => (index.space.on === "nodes" ? byNodes : byEdges)(code);

  // What is known of a cell.
  const facts = (i) => {
    const lines = [];
    index.facts.forEach(({ label, kind, values }) => {
      const value = values[i];
      if (value === null || value === "") return;
      if (kind === "text") lines.push(value);
      else if (kind === "percent") lines.push(`${(100 * value).toFixed(index.digits)}\u202f% ${label}`);
      else lines.push(`${label.startsWith("rank") ? label.replace("rank", `rank ${number(value, value % 1 ? 1 : 0)}`) : label}`);
    });
    index.asked.forEach(({ strategy, of, runs }) => {
      if (runs[i]) lines.push(`asked for by ${strategy} in ${runs[i]} of ${of} runs`);
    });
    return lines;
  };
  const show = (found, text) => {
    count.textContent = text;
    hits.innerHTML = found.slice(0, MOST).map((i) => `<figure class="drawn">${picture(index.code[i])}<figcaption>` +
      `<span class="hash">${escape(index.names[i])}</span>${facts(i).map((line) => `<span>${escape(line)}</span>`).join("")}` +
      "</figcaption></figure>").join("");
  };

  // By name: a part of it, or the short name that figures use.
  const search = async () => {
    await load();
    const wanted = input.value.trim().toLowerCase();
    if (!wanted) return show([], "");
    const found = index.small.flatMap((name, i) => (name.includes(wanted) || index.short[i].startsWith(wanted) ? [i] : []));
    const held = index.names.length === index.of ? `${number(index.of)} cells` : `${number(index.names.length)} of ${number(index.of)} cells in this page`;
    const more = found.length > MOST ? `; the best ${MOST} are shown` : "";
    show(found, found.length ? `${number(found.length)} of ${held}${more}` : `None of the ${held} has this name.`);
  };
  input.addEventListener("focus", load, { once: true });
  input.addEventListener("input", search);

  // By drawing. Operations on nodes: what no path passes is left out, and every order of vertices is tried.
  const pruned = (inner, links) => {
    const n = inner.length + 2;
    const fed = new Set([0]), needed = new Set([n - 1]);
    for (const [i, j] of links) if (fed.has(i)) fed.add(j);
    for (const [i, j] of [...links].reverse().sort((a, b) => b[1] - a[1])) if (needed.has(j)) needed.add(i);
    const kept = Array.from({ length: n }, (_, v) => v).filter((v) => fed.has(v) && needed.has(v) && (v === 0 || v === n - 1 || inner[v - 1] !== null));
    return {
      inner: kept.filter((v) => v > 0 && v < n - 1).map((v) => inner[v - 1]),
      links: links.filter((link) => link.every((v) => kept.includes(v))).map((link) => link.map((v) => kept.indexOf(v))),
    };
  };
  const orders = (items) =>
    items.length ? items.flatMap((item, k) => orders(items.toSpliced(k, 1)).map((rest) => [item, ...rest])) : [[]];
  const written = ({ inner, links }, order) => {
    const n = inner.length + 2;
    const at = [0, ...order.map((v) => v + 1), n - 1]; // new place -> vertex
    const bits = [];
    const has = new Set(links.map(([i, j]) => i * n + j));
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
      const there = has.has(at[i] * n + at[j]);
      if (j <= i && there) return null; // this order turns an edge round
      if (j > i) bits.push(there ? "1" : "0");
    }
    return `${order.map((v) => inner[v]).join("")}:${bits.join("")}`;
  };
  const drawn = () => {
    const picked = [...editor.querySelectorAll("select")].map((s) => s.value);
    if (index.space.on === "edges") return [picked.join("")];
    const inner = picked.map((value) => (value === "" ? null : Number(value)));
    const links = [...editor.querySelectorAll("input:checked")].map((box) => box.name.split("-").map(Number))
      .filter((link) => link.every((v) => v === 0 || v === inner.length + 1 || inner[v - 1] !== null));
    const graph = pruned(inner, links);
    if (!graph.links.length) return [];
    return orders(graph.inner.map((_, v) => v)).map((order) => written(graph, order)).filter((code) => code !== null);
  };
  const lookUp = () => {
    const spellings = drawn();
    if (!spellings.length) return show([], "No path leads from input to output yet.");
    const found = spellings.map((code) => place.get(code)).filter((i) => i !== undefined);
    if (found.length) return show([found[0]], "This cell:");
    show([], "This cell is not in the page.");
    hits.innerHTML = `<figure class="drawn">${picture(spellings[0])}</figure>`;
  };
  const choice = (label, chosen, empty) => {
    const options = index.space.ops.map(([text], k) => `<option value="${k}"${k === chosen ? " selected" : ""}>${escape(text)}</option>`);
    return `<select aria-label="${label}">${empty ? '<option value="">–</option>' : ""}${options.join("")}</select>`;
  };
  const start = () => { // with the best cell, to be changed
    const first = index.code[0];
    if (index.space.on === "edges") {
      const { edges, titles } = index.space;
      editor.innerHTML = titles.map((title, c) => `<fieldset>${title ? `<legend>${title}</legend>` : ""}${edges.map(([i, j], k) =>
        `<label>${i} → ${j} ${choice(`operation from ${i} to ${j}`, Number(first[c * edges.length + k]), false)}</label>`).join("")}</fieldset>`).join("");
      return;
    }
    const { inner, links } = nodes(first);
    const n = index.space.vertices;
    const moved = links.map((link) => link.map((v) => (v === inner.length + 1 ? n - 1 : v)).join("-"));
    const name = (v) => (v === 0 ? "input" : v === n - 1 ? "output" : choice(`operation of vertex ${v}`, inner[v - 1] ?? -1, true));
    const cell = (i, j) => (j <= i ? "<td></td>" :
      `<td><input type="checkbox" name="${i}-${j}" aria-label="edge from ${i} to ${j}"${moved.includes(`${i}-${j}`) ? " checked" : ""}></td>`);
    const places = Array.from({ length: n }, (_, v) => v);
    editor.innerHTML = `<div class="scroll"><table><thead><tr><th>from</th><th></th>${places.slice(1).map((j) => `<th>to ${j}</th>`).join("")}</tr></thead><tbody>` +
      places.map((i) => `<tr><th>${i}</th><td>${name(i)}</td>${places.slice(1).map((j) => cell(i, j)).join("")}</tr>`).join("") + "</tbody></table></div>";
  };
  root.querySelector("details").addEventListener("toggle", async (event) => {
    if (!event.target.open) return;
    await load();
    if (!editor.childElementCount) start();
    lookUp();
  });
  editor.addEventListener("change", lookUp);
})();

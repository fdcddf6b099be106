// Draws the charts from the rows that stand in the page, and sorts its tables. It computes no figure.
"use strict";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function draw() {
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--text").trim(), line = style.getPropertyValue("--line").trim();
  const config = {
    background: "transparent",
    view: { stroke: line },
    axis: { labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line },
    legend: { labelColor: text, titleColor: text },
    header: { labelColor: text },
    text: { color: text },
    range: { category: { scheme: "tableau20" } },
  };
  for (const place of document.querySelectorAll(".chart")) {
    const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
    const rows = JSON.parse(document.getElementById(place.dataset.rows).textContent);
    spec.datasets = rows;
    vegaEmbed(place, spec, { actions: false, renderer: "svg", config, tooltip: { theme: dark.matches ? "dark" : "light" } });
  }
}

function sortBy(header) {
  const table = header.closest("table"), body = table.tBodies[0];
  const column = [...header.parentNode.children].indexOf(header);
  const down = header.getAttribute("aria-sort") === "descending" ? 1 : -1;
  const value = (row) => {
    const cell = row.cells[column], number = cell.dataset.value;
    return number === undefined ? cell.textContent : number === "" ? -Infinity : Number(number);
  };
  const rows = [...body.rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    return down * (typeof left === "number" ? left - right : left.localeCompare(right));
  });
  for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down < 0 ? "descending" : "ascending");
  body.append(...rows);
}

for (const header of document.querySelectorAll("table.sorts th")) {
  const button = document.createElement("button");
  button.append(...header.childNodes);
  button.addEventListener("click", () => sortBy(header));
  header.append(button);
}
draw();
dark.addEventListener("change", draw);

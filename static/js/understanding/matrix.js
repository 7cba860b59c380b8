// Saves a confusion matrix as a picture, drawn from the table of the page.
const CELL = 36;
const FONT = "13px system-ui, sans-serif";
const SCALE = 2;
const GAP = 12;

export function attachMatrix() {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-save-confusion]")) return;
    const table = document.querySelector("[data-confusion]");
    draw(table).toBlob((picture) => save(picture, `${table.dataset.confusion}.png`), "image/png");
  });
}

function draw(table) {
  const columns = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows];
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  pen.font = FONT;
  const width = (texts) => Math.max(...texts.map((text) => pen.measureText(text).width)) + 2 * GAP;
  const left = width(rows.map((row) => row.cells[0].textContent.trim()));
  const top = width(columns);
  const title = width([table.dataset.confusion]);
  canvas.width = SCALE * Math.max(left + CELL * columns.length + GAP, title);
  canvas.height = SCALE * (top + CELL * rows.length + 3 * GAP);
  pen.scale(SCALE, SCALE);
  pen.font = FONT; // A new size forgets it.
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#1b1c20";
  pen.textBaseline = "middle";
  pen.fillText(table.dataset.confusion, GAP, GAP);
  pen.translate(0, 2 * GAP);
  columns.forEach((name, place) => {
    drawUpwards(pen, name, left + CELL * (place + 0.5), top - GAP / 2);
  });
  rows.forEach((row, place) => {
    drawRow(pen, row, left, top + CELL * place);
  });
  return canvas;
}

function drawUpwards(pen, text, x, y) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(-Math.PI / 2);
  pen.fillText(text, 0, 0);
  pen.restore();
}

function drawRow(pen, row, left, y) {
  const [head, ...cells] = row.cells;
  pen.fillStyle = "#1b1c20";
  pen.textAlign = "end";
  pen.fillText(head.textContent.trim(), left - GAP, y + CELL / 2);
  pen.textAlign = "center";
  cells.forEach((cell, place) => {
    const x = left + CELL * place;
    const share = Number(cell.style.getPropertyValue("--v"));
    const colour = cell.classList.contains("right") ? "31 122 77" : "179 38 30";
    pen.fillStyle = share ? `rgb(${colour} / ${10 + 45 * share}%)` : "#fff";
    pen.fillRect(x, y, CELL, CELL);
    pen.strokeStyle = "#e2e2de";
    pen.strokeRect(x, y, CELL, CELL);
    pen.fillStyle = "#1b1c20";
    pen.fillText(cell.textContent.trim(), x + CELL / 2, y + CELL / 2);
  });
  pen.textAlign = "start";
}

function save(picture, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

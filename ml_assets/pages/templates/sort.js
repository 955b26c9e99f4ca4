// A click on a heading sorts by it, another click turns the order round; what is undefined stays last.
"use strict";
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const sorted = heading.getAttribute("aria-sort");
    const first = heading.dataset.first === "asc" ? "ascending" : "descending";
    const order = sorted === "none" ? first : sorted === "ascending" ? "descending" : "ascending";
    for (const other of heading.parentNode.cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    heading.setAttribute("aria-sort", order);
    const body = heading.closest("table").tBodies[0];
    const key = (row) => row.cells[heading.cellIndex].dataset.value;
    const turn = order === "ascending" ? 1 : -1;
    const compare = (a, b) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      const numbers = Number(a) - Number(b);
      return turn * (Number.isNaN(numbers) ? (a < b ? -1 : a > b ? 1 : 0) : numbers);
    };
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
  });
}

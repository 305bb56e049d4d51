const list = document.getElementById("cards");
const search = document.getElementById("search");
const sort = document.getElementById("sort");
const count = document.getElementById("count");
const large = document.getElementById("large");
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const caption = (card) => card.querySelector(".caption").textContent;
const name = (card) => card.querySelector(".name").textContent;
const link = (card) => card.querySelector(".open");
const read = [...list.children];
const text = new Map(read.map((card) => [card, card.textContent.toLowerCase()]));
const orders = {
  read: null,
  name: (a, b) => collator.compare(name(a), name(b)),
  caption: (a, b) => collator.compare(caption(a), caption(b)),
  length: (a, b) => caption(b).length - caption(a).length,
};
const STEP = 200; // cards that are drawn at a time: a browser lays out thousands slowly
let cards = read; // in the order that was chosen
let seen = read; // those of them that were searched for
let drawn = STEP; // how many of those are drawn
let current = null; // the card that can be tabbed to
let opened = null; // the card that is shown large: closing gives the focus back to where it was before

function choose(card, focus) {
  if (current) link(current).tabIndex = -1;
  current = card || null;
  if (!current) return;
  if (seen.indexOf(current) >= drawn) {
    drawn = seen.indexOf(current) + STEP;
    draw();
  }
  link(current).tabIndex = 0;
  if (focus) {
    link(current).focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  }
}

function draw() {
  const there = new Set(seen.slice(0, drawn));
  for (const card of cards) if (card.hidden === there.has(card)) card.hidden = !card.hidden;
  end.unobserve(none);
  end.observe(none);
}

const none = document.getElementById("none");
const end = new IntersectionObserver((entries) => {
  if (drawn >= seen.length || !entries.some((entry) => entry.isIntersecting)) return;
  drawn += STEP;
  draw();
}, { rootMargin: "1500px" });

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  seen = cards.filter((card) => words.every((word) => text.get(card).includes(word)));
  drawn = STEP;
  draw();
  count.textContent = words.length ? `${seen.length} of ${cards.length}` : `${cards.length}`;
  none.textContent = seen.length ? "" : "Nothing is found.";
  if (!seen.includes(current)) choose(seen[0], false);
}

function reorder() {
  const order = orders[sort.value];
  cards = order ? [...read].sort(order) : read;
  list.append(...cards);
  filter();
}

function columns() {
  const top = seen[0].offsetTop;
  const next = seen.findIndex((card) => card.offsetTop !== top);
  return next < 0 ? seen.length : next;
}

function step(key) {
  const at = seen.indexOf(current);
  const to = {
    ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: seen.length - 1,
    ArrowUp: large.open ? at - 1 : at - columns(), ArrowDown: large.open ? at + 1 : at + columns(),
  }[key];
  return to === undefined ? null : seen[Math.max(0, Math.min(to, seen.length - 1))];
}

function show(card) {
  choose(card, false);
  opened = card;
  const picture = large.querySelector("img");
  const original = link(card).getAttribute("href");
  picture.src = link(card).querySelector("img").src;
  picture.alt = caption(card);
  large.querySelector(".caption").textContent = caption(card);
  large.querySelector(".where").textContent = name(card);
  const out = large.querySelector(".original");
  out.hidden = !original;
  if (original) {
    out.href = original;
    const whole = new Image();
    whole.onload = () => { if (current === card) picture.src = whole.src; };
    whole.src = original;
  }
  if (!large.open) large.showModal();
}

list.addEventListener("click", (event) => {
  const clicked = event.target.closest(".open");
  if (!clicked || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(clicked.closest(".card"));
});
list.addEventListener("focusin", (event) => choose(event.target.closest(".card"), false));
large.addEventListener("close", () => choose(opened, true));
large.querySelector(".close").addEventListener("click", () => large.close());
for (const [way, key] of [["previous", "ArrowLeft"], ["next", "ArrowRight"]]) {
  large.querySelector(`.${way}`).addEventListener("click", () => show(step(key)));
}
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const typing = event.target === search || event.target === sort;
  if (event.key === "/" && event.target !== search && !large.open) {
    event.preventDefault();
    search.select();
    search.focus();
  } else if (event.key === "Escape" && !large.open) {
    search.value = "";
    filter();
    choose(current, true);
  } else if (event.target === search && (event.key === "Enter" || event.key === "ArrowDown")) {
    event.preventDefault();
    choose(seen[0], true);
  } else if (!typing && seen.length && event.key !== "Enter") {
    const to = step(event.key);
    if (!to) return;
    event.preventDefault();
    if (large.open) show(to); else choose(to, true);
  }
});
search.addEventListener("input", filter);
sort.addEventListener("change", reorder);
filter();

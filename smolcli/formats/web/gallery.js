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
let first = 0, beyond = STEP; // from which of those to which they are drawn
let current = null; // the card that can be tabbed to
let opened = null; // the card that is shown large: closing gives the focus back to where it was before

function choose(card, focus) {
  if (current) link(current).tabIndex = -1;
  current = card || null;
  if (!current) return;
  const at = seen.indexOf(current);
  if (at < first || at >= beyond) {
    const near = at >= first - STEP && at < beyond + STEP; // further off, those between are not drawn
    draw(near ? Math.min(first, at - STEP) : at - STEP, near ? Math.max(beyond, at + STEP) : at + STEP);
  }
  link(current).tabIndex = 0;
  if (focus) {
    link(current).focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  }
}

function draw(from, to) {
  const full = seen[first] && !seen[first].hidden ? columns() : 1;
  first = Math.max(0, from - (from % full)); // whole rows before what is drawn already
  beyond = to;
  const there = new Set(seen.slice(first, beyond));
  for (const card of cards) if (card.hidden === there.has(card)) card.hidden = !card.hidden;
  for (const end of [before, none]) {
    ends.unobserve(end);
    ends.observe(end);
  }
}

const before = document.getElementById("before");
const none = document.getElementById("none");
const ends = new IntersectionObserver((entries) => {
  const reached = new Set(entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target));
  const up = reached.has(before) && first > 0, down = reached.has(none) && beyond < seen.length;
  if (!up && !down) return;
  const kept = seen[first], top = kept.getBoundingClientRect().top;
  draw(up ? first - STEP : first, down ? beyond + STEP : beyond);
  if (up) window.scrollBy(0, kept.getBoundingClientRect().top - top); // what is looked at stays where it is
}, { rootMargin: "1500px" });

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  seen = cards.filter((card) => words.every((word) => text.get(card).includes(word)));
  draw(0, STEP);
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
  const row = seen.slice(first, beyond);
  const next = row.findIndex((card) => card.offsetTop !== row[0].offsetTop);
  return next < 0 ? row.length : next;
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

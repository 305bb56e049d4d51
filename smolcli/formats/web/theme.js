"use strict";
const root = document.documentElement;
const theme = document.getElementById("theme");
const darkness = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme || (darkness.matches ? "dark" : "light")) === "dark";
const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
try { root.dataset.theme = localStorage.getItem("theme") || ""; } catch { /* a page on disk may keep nothing */ }
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* as above */ }
  showTheme();
});
darkness.addEventListener("change", showTheme);
showTheme();

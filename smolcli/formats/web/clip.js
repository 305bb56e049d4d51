for (const clip of document.querySelectorAll(".clip")) {
  const video = clip.querySelector("video");
  if (!video) continue;
  const events = [...clip.querySelectorAll(".event")];
  const mark = () => {
    const now = video.currentTime;
    for (const event of events) {
      const here = now >= Number(event.dataset.start) - 0.001 && now < Number(event.dataset.end) - 0.001;
      if (here) event.setAttribute("aria-current", "true"); else event.removeAttribute("aria-current");
    }
  };
  clip.addEventListener("click", (event) => {
    const button = event.target.closest("[data-s]");
    if (button) video.currentTime = Number(button.dataset.s);
  });
  video.addEventListener("timeupdate", mark);
  video.addEventListener("seeking", mark);
  video.addEventListener("error", () => { clip.querySelector(".unplayed").hidden = false; });
  if (video.error) clip.querySelector(".unplayed").hidden = false;
}

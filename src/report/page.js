"use strict";
// The page is whole without this: here are the filter, and arrows that open what belongs to them.
const filter = document.getElementById("filter");
if (filter) {
  const onlyFailed = document.getElementById("only-failed");
  const shown = document.getElementById("shown");
  const scenarios = [...document.querySelectorAll("details.scenario")];
  const words = scenarios.map((scenario) => scenario.querySelector("summary").textContent.toLowerCase());
  const apply = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/);
    let count = 0;
    scenarios.forEach((scenario, at) => {
      const fits = wanted.every((word) => words[at].includes(word));
      scenario.hidden = !fits || (onlyFailed.checked && scenario.classList.contains("good"));
      count += !scenario.hidden;
    });
    shown.textContent = count === scenarios.length ? "" : count + " of " + scenarios.length;
  };
  filter.closest("p").hidden = false;
  filter.addEventListener("input", apply);
  onlyFailed.addEventListener("change", apply);
  apply();
}

// An arrow opens its step, or closes it when it is open.
document.addEventListener("click", (event) => {
  const arrow = event.target.closest("svg a");
  if (!arrow) return;
  event.preventDefault();
  const target = document.getElementById(arrow.getAttribute("href").slice(1));
  const step = target && target.closest("details");
  if (!step) return;
  step.open = !step.open;
  if (step.open) step.scrollIntoView({ block: "nearest", behavior: "smooth" });
});

// Steps and arrows show which belongs to which.
const mark = (step, on) => {
  const target = step.querySelector(":scope > div[id]");
  const arrow = target && document.querySelector('svg a[href="#' + target.id + '"]');
  if (arrow) arrow.classList.toggle("marked", on);
};
document.addEventListener("toggle", (event) => {
  if (event.target.matches(".steps > li > details")) mark(event.target, event.target.open);
}, true);

// A link into what is closed opens it.
const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
  target.scrollIntoView({ block: "center" });
};
window.addEventListener("hashchange", reveal);
reveal();

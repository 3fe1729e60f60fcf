// Version 2: what a loan costs, as a chart, and what an early repayment would save.
import { ask, element, fact, fold, instalment_heads, instalment_row, later, show_faults, clear_faults, table, values_of } from "/desk.js";
import { say, money, language } from "/words.js";

const WIDTH = 760, HEIGHT = 300, LEFT = 60, RIGHT = 72, TOP = 28, BOTTOM = 28;

function drawn(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A round number at or above `value` for the top of an axis.
function round_up(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value);
}

// Bars: each instalment, interest upon principal. Lines: what is outstanding, on a scale of its own that ends at the loan.
function chart(said) {
  const months = said.agreed.count;
  const most = round_up(Math.max(...said.early.instalments.map((one) => one.total_cents), said.agreed.first_cents) / 100) * 100;
  const width = (WIDTH - LEFT - RIGHT) / months;
  const x = (month) => LEFT + (month - 1) * width;
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const out = drawn("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": say("chart_label") });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    out.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(share), y2: y(share) }),
      drawn("text", { x: LEFT - 8, y: y(share) + 4, "text-anchor": "end" }, Math.round(most * share / 100).toLocaleString(language)),
      drawn("text", { x: WIDTH - RIGHT + 8, y: y(share) + 4 }, Math.round(said.terms.amount_cents * share / 100).toLocaleString(language)));
  }
  out.append(drawn("text", { x: 0, y: 10 }, say("instalment")), drawn("text", { x: WIDTH, y: 10, "text-anchor": "end" }, say("balance")));
  const gap = Math.min(2, width * 0.2);
  for (const one of said.early.instalments) {
    const low = y(one.principal_cents / most), high = y(one.total_cents / most);
    out.append(drawn("rect", { class: "principal", x: x(one.number), width: width - gap, y: low, height: y(0) - low }),
      drawn("rect", { class: "interest", x: x(one.number), width: width - gap, y: high, height: low - high }));
  }
  const line = (instalments, kind) => out.append(drawn("polyline", { class: kind, points: [[1, said.terms.amount_cents],
    ...instalments.map((one) => [one.number + 1, one.balance_cents])].map(([month, left]) => `${x(month)},${y(left / said.terms.amount_cents)}`).join(" ") }));
  line(said.agreed.instalments, "agreed");
  line(said.early.instalments, "early");
  const step = [1, 3, 6, 12, 24, 60, 120].find((one) => months / one <= 12);
  for (let month = step; month <= months; month += step) {
    out.append(drawn("text", { x: x(month) + width / 2, y: HEIGHT - 8, "text-anchor": "middle" }, month));
  }
  return out;
}

function legend() {
  return element("p", { class: "legend" }, ...[["principal", "principal"], ["interest", "interest"], ["agreed", "agreed"], ["early", "with_early"]]
    .map(([kind, name]) => element("span", {}, element("i", { class: kind }), (kind === "agreed" || kind === "early" ? say("balance") + ": " : "") + say(name))));
}

function results(said) {
  return [element("dl", { class: "facts" },
    fact("instalment", money(said.agreed.first_cents), "main"), fact("saved_interest", money(said.saved_interest_cents), "main saved"),
    fact("saved_months", String(said.saved_months), "main saved")),
  chart(said), legend(),
  element("dl", { class: "facts" }, fact("total_interest", `${money(said.agreed.total_interest_cents)} → ${money(said.early.total_interest_cents)}`),
    fact("total", `${money(said.agreed.total_cents)} → ${money(said.early.total_cents)}`), fact("count", `${said.agreed.count} → ${said.early.count}`)),
  fold("early_schedule", table([...instalment_heads(), [say("early"), true]],
    said.early.instalments.map((one) => [...instalment_row(one), one.early_cents ? money(one.early_cents) : ""])))];
}

export function make(place) {
  const field = (name, key, kind, value, mode) => element("label", {}, element("span", {}, say(key)),
    element("input", { name, "data-kind": kind, inputmode: mode, value, autocomplete: "off" }));
  const form = element("form", { class: "fields", novalidate: "" },
    field("amount_cents", "amount", "money", "20000", "decimal"), field("annual_rate_bp", "rate", "money", "6.5", "decimal"),
    field("months", "months", "whole", "60", "numeric"),
    element("label", {}, element("span", {}, say("method")), element("select", { name: "method" },
      ...["french", "constant_principal"].map((method) => element("option", { value: method }, say(method))))),
    field("early_cents", "early_amount", "money", "5000", "decimal"), field("early_month", "early_month", "whole", "12", "numeric"));
  const shown = element("article", { class: "detail", "aria-live": "polite" });
  place.replaceChildren(element("div", { class: "simulation" },
    element("article", { class: "detail" }, element("h2", {}, say("simulate_terms")), form), shown));
  let turn = 0;
  const simulate = async () => {
    const mine = ++turn;
    try {
      const said = await ask(`/api/simulation?${new URLSearchParams(values_of(form))}`);
      if (mine !== turn) return;
      clear_faults(form);
      shown.replaceChildren(...results(said));
    } catch (error) {
      const at = document.activeElement;
      show_faults(form, error);
      at?.focus();  // whoever is typing stays where they are
    }
  };
  form.addEventListener("input", later(simulate));
  form.addEventListener("submit", (event) => event.preventDefault());
  simulate();
}

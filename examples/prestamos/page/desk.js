// The clerk's page. What the server says is put in as text, never as HTML.
import { words, language, say, money, day, hundredths } from "/words.js";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export const $ = (id) => document.getElementById(id);

// ---- talking to the desk

export class Faults extends Error {
  constructor(errors) { super("refused"); this.errors = errors; }
}

export async function ask(path, body, key) {
  const headers = { "Accept-Language": language };
  const options = { headers };
  if (body !== undefined) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
  }
  let answer, read;
  try {
    answer = await fetch(path, options);
    read = await answer.json();
  } catch {
    throw new Faults([{ field: "", cause: say("offline"), remedy: "" }]);
  }
  if (!answer.ok) throw new Faults(read.errors ?? [{ field: "", cause: `HTTP ${answer.status}`, remedy: "" }]);
  return read;
}

export function tell(text, bad = false) {
  $("said").textContent = text;
  $("said").className = bad ? "bad" : "";
  $("said").hidden = text === "";
}

const sentence = (fault) => [fault.cause, fault.remedy].filter(Boolean).join("; ");

// Each fault beside its field; what has no field on top.
export function show_faults(form, error) {
  if (!(error instanceof Faults)) throw error;
  clear_faults(form);
  const others = [];
  for (const fault of error.errors) {
    const field = form?.elements[fault.field];
    if (!fault.field || !field) { others.push((fault.field ? fault.field + ": " : "") + sentence(fault)); continue; }
    field.setAttribute("aria-invalid", "true");
    field.closest("label").append(element("span", { class: "fault" }, sentence(fault)));
  }
  form?.querySelector("[aria-invalid]")?.focus();
  tell(others.join(" "), true);
}

export function clear_faults(form) {
  for (const old of form?.querySelectorAll(".fault") ?? []) old.remove();
  for (const field of form?.querySelectorAll("[aria-invalid]") ?? []) field.removeAttribute("aria-invalid");
  tell("");
}

// The values of a form as the API takes them; what is not a number goes as it was written, for the desk to name it.
export function values_of(form) {
  const out = {};
  for (const field of form.elements) {
    if (!field.name || field.type === "file") continue;
    const text = field.value.trim();
    if (text === "") continue;
    const number = field.dataset.kind === "money" ? hundredths(text) : field.dataset.kind === "whole" ? Number(text) : NaN;
    out[field.name] = Number.isSafeInteger(number) ? number : text;
  }
  return out;
}

// A form that creates something. Its key stays the same until it has worked: sent twice, it is done once.
function creates(form, path, done) {
  let key = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  let sent = "";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear_faults(form);
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const body = await (form.values?.() ?? values_of(form));
      if (sent && sent !== JSON.stringify(body)) key = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
      sent = JSON.stringify(body);
      const made = await ask(typeof path === "function" ? path() : path, body, key);
      key = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
      await done(made);
    } catch (error) {
      show_faults(form, error);
    } finally {
      button.disabled = false;
    }
  });
}

// ---- small parts

export const badge = (state) => element("span", { class: `state ${state}` }, words.states[state] ?? state);

export function fact(name, value, kind) {
  return element("div", { class: kind }, element("dt", {}, say(name)), element("dd", {}, value));
}

export function table(heads, rows) {
  const cell = (name) => ([text, numeric]) => element(name, { class: numeric ? "number" : undefined }, text ?? "");
  return element("div", { class: "scroll", tabindex: "0" }, element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map(cell("th")))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text, at) => cell("td")([text, heads[at][1]])))))));
}

export const instalment_heads = () => [[say("first_column")], [say("day")], [say("interest"), true], [say("principal"), true],
  [say("instalment"), true], [say("balance"), true]];
export const instalment_row = (one) => [one.number, day(one.day), money(one.interest_cents), money(one.principal_cents),
  money(one.total_cents), money(one.balance_cents)];

export function fold(name, ...children) {
  return element("details", {}, element("summary", {}, say(name)), ...children);
}

export function later(act, milliseconds = 250) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(act, milliseconds); };
}

// ---- lists

class List {
  constructor(section, path, row_of, open) {
    Object.assign(this, { section, path, row_of, open, parameters: {} });
    this.body = section.querySelector(".list tbody");
    this.more = section.querySelector(".more");
    this.more.addEventListener("click", () => this.load(this.next));
    this.form = section.querySelector(".filters");
    this.form.addEventListener("input", later(() => this.load()));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.load(); });
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.turn = 0;
  }

  async load(before) {
    const turn = ++this.turn;
    const query = new URLSearchParams({ ...this.parameters, ...values_of(this.form), ...(before ? { before } : {}) });
    try {
      const page = await ask(`${this.path}?${query}`);
      if (turn !== this.turn) return;  // a later question was asked meanwhile
      if (!before) this.body.replaceChildren();
      this.body.append(...page.items.map((item) => this.row(item)));
      this.next = page.next;
      this.more.hidden = !page.next;
      this.section.querySelector(".empty").hidden = this.body.childElementCount > 0;
    } catch (error) {
      show_faults(this.form, error);
    }
  }

  row(item) {
    const row = element("tr", { tabindex: "0", "data-id": item.id, on: { click: () => this.choose(row, item) } }, ...this.row_of(item));
    row.choose = () => this.choose(row, item);
    return row;
  }

  choose(row, item) {
    this.mark(item.id);
    row.focus();
    this.open(item);
  }

  mark(id) {
    for (const row of this.body.children) row.setAttribute("aria-selected", String(row.dataset.id === String(id)));
  }

  key(event) {
    const row = event.target.closest("tr");
    if (event.key === "ArrowDown") (row.nextElementSibling ?? row).focus();
    else if (event.key === "ArrowUp") (row.previousElementSibling ?? row).focus();
    else if (event.key === "Enter") row.choose();
    else return;
    event.preventDefault();
  }
}

const cells = (...texts) => texts.map((text) => element("td", {}, ...[text].flat()));

const applications = new List($("applications"), "/api/applications", (one) => [
  ...cells(String(one.id), [one.customer.name, element("span", { class: "quiet" }, one.purpose)]),
  element("td", { class: "number" }, money(one.amount_cents)), ...cells([badge(one.state)]),
], (one) => { location.hash = `applications/${one.id}`; });

const customers = new List($("customers"), "/api/customers", (one) => [
  ...cells(String(one.id), one.name, one.tax_id), element("td", { class: "number" }, money(one.monthly_income_cents)),
], (one) => show_loans_of(one));

function show_loans_of(customer) {
  applications.parameters = { customer: customer.id };
  $("of_customer").hidden = false;
  $("of_customer").replaceChildren(say("all_of_customer", customer.name) + " · ", element("a", { href: "#applications", on: { click: show_all } }, say("show_all")));
  location.hash = "applications";
  applications.load();
}

function show_all() {
  applications.parameters = {};
  $("of_customer").hidden = true;
  applications.load();
}

// ---- one application

function move_buttons(one) {
  if (one.moves.length === 0) return undefined;
  const note = element("input", { name: "note", maxlength: "500", autocomplete: "off" });
  const form = element("form", { class: "inline" }, element("label", {}, element("span", {}, say("note")), note));
  form.addEventListener("submit", (event) => event.preventDefault());
  const buttons = one.moves.map((to, at) => {
    const kind = ["rejected", "cancelled", "defaulted"].includes(to) ? "danger" : at === 0 ? undefined : "second";
    return element("button", { type: "button", class: kind, on: { click: async () => {
      try {
        const moved = await ask(`/api/applications/${one.id}/moves`, { to, note: note.value });
        await changed(one.id);
        tell(say("moved", words.states[moved.state]));
      } catch (error) {
        show_faults(form, error);
      }
    } } }, words.to[to]);
  });
  return element("div", {}, form, element("div", { class: "buttons" }, ...buttons));
}

async function changed(id) {
  await Promise.all([show_application(id), applications.load()]);
  applications.mark(id);
}

function payment_part(one) {
  if (!one.next) return undefined;
  const share = Math.round((1 - one.balance_cents / one.amount_cents) * 100);
  const bar = element("i");
  bar.style.width = `${share}%`;
  const plain = (one.next.total_cents / 100).toFixed(2);
  const form = element("form", { class: "inline", novalidate: "" },
    element("label", {}, element("span", {}, say("pay_amount")), element("input", { name: "amount_cents", inputmode: "decimal", "data-kind": "money", value: plain })),
    element("button", {}, say("book_payment")));
  creates(form, `/api/applications/${one.id}/payments`, async () => { await changed(one.id); tell(say("payment_booked")); });
  return element("div", {}, element("div", { class: "progress" }, bar), element("p", { class: "quiet" }, say("repaid_share", share)),
    element("dl", { class: "facts" },
      fact("next_due", `${money(one.next.total_cents)} · ${say("due_on", day(one.next.day))}`), fact("payoff", money(one.payoff_cents))),
    form);
}

function document_part(one) {
  const kinds = ["identity", "payslip", "contract", "other"].map((kind) => element("option", { value: kind }, say(kind)));
  const form = element("form", { class: "inline" },
    element("label", {}, element("span", {}, say("kind")), element("select", { name: "kind" }, ...kinds)),
    element("label", {}, element("span", {}, say("file")), element("input", { name: "name", type: "file", required: "" })),
    element("button", { class: "second" }, say("add_document")));
  form.values = async () => {
    const file = form.elements.name.files[0];
    if (!crypto.subtle) throw new Faults([{ field: "name", cause: say("secure_only"), remedy: "" }]);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { kind: form.elements.kind.value, name: file.name, media_type: file.type || "application/octet-stream", bytes: file.size, sha256 };
  };
  creates(form, `/api/applications/${one.id}/documents`, async () => { await show_application(one.id); tell(say("document_noted")); });
  const rows = one.documents.map((document) => [document.name, say(document.kind), document.bytes.toLocaleString(language)]);
  return fold("documents", rows.length ? table([[say("name")], [say("kind")], ["B", true]], rows) : null,
    element("p", { class: "quiet" }, say("document_hint")), form);
}

function schedule_part(one) {
  const part = fold("schedule");
  part.addEventListener("toggle", async () => {
    if (!part.open || part.childElementCount > 1) return;
    try {
      const told = await ask(`/api/applications/${one.id}/schedule`);
      part.append(table(instalment_heads(), told.instalments.map(instalment_row)));
    } catch (error) {
      show_faults(null, error);
    }
  });
  return part;
}

async function rating_of(one, place) {
  try {
    const said = await ask(`/api/customers/${one.customer.id}/rating`);
    place.replaceWith(fact("rating", `${say(said.rating)} · ${money(said.instalments_cents)} / ${money(said.monthly_income_cents)}`));
  } catch {
    place.remove();  // the bureau is not needed to see a loan
  }
}

async function show_application(id) {
  clear_faults(null);
  let one;
  try {
    one = await ask(`/api/applications/${id}`);
  } catch (error) {
    $("application").replaceChildren(element("p", { class: "hollow" }, say("choose")));
    return show_faults(null, error);
  }
  const rating = fact("rating", "…");
  rating_of(one, rating);
  const payments = one.payments.map((paid) => [day(paid.at), money(paid.interest_cents), money(paid.principal_cents), money(paid.total_cents), money(paid.balance_cents)]);
  const heads = [[say("day")], [say("interest"), true], [say("principal"), true], [say("total"), true], [say("balance"), true]];
  const history = one.history.map((move) => element("li", {}, badge(move.to), ` ${day(move.at)}${move.note ? " · " + move.note : ""}`));
  $("application").replaceChildren(...[
    element("div", { class: "head" }, element("h2", {}, `${one.id} · ${one.customer.name}`), badge(one.state)),
    element("dl", { class: "facts" },
      element("div", { class: "main" }, element("dt", {}, say("amount")), element("dd", {}, money(one.amount_cents))),
      one.balance_cents === undefined ? null : element("div", { class: "main" }, element("dt", {}, say("balance")), element("dd", {}, money(one.balance_cents))),
      fact("rate", (one.annual_rate_bp / 100).toLocaleString(language)), fact("months", String(one.months)), fact("method", say(`${one.method}_short`)),
      one.purpose ? fact("purpose", one.purpose) : null, fact("created", day(one.created)),
      one.disbursed ? fact("disbursed_on", day(one.disbursed)) : null, rating),
    payment_part(one), move_buttons(one),
    payments.length ? fold("payments", table(heads, payments)) : null,
    schedule_part(one), document_part(one),
    history.length ? fold("history", element("ul", { class: "history" }, ...history)) : null,
  ].filter(Boolean));
  if (matchMedia("(max-width: 60rem)").matches) $("application").scrollIntoView();  // it stands below the list there
}

// ---- a new application

async function fill_customers() {
  try {
    const page = await ask("/api/customers?limit=100");
    $("application_form").elements.customer.replaceChildren(...page.items.map((one) => element("option", { value: one.id }, `${one.name} · ${one.tax_id}`)));
  } catch (error) {
    show_faults(null, error);
  }
}

const quote = later(async () => {
  const form = $("application_form");
  const { amount_cents, annual_rate_bp, months, method } = values_of(form);
  try {
    const said = await ask(`/api/quote?${new URLSearchParams({ amount_cents, annual_rate_bp, months, method })}`);
    clear_faults(form);
    $("quote").replaceChildren(
      fact(said.terms.method === "french" ? "instalment" : "first_instalment", money(said.first_cents), "main"),
      fact("last_instalment", money(said.last_cents)), fact("count", String(said.count)),
      fact("total_interest", money(said.total_interest_cents)), fact("total", money(said.total_cents)));
  } catch {
    $("quote").replaceChildren();  // said in full when it is filed
  }
});

// ---- the whole page

function show_tab() {
  const [wanted, number] = location.hash.slice(1).split("/");
  const known = [...document.querySelectorAll("nav a:not([hidden])")].map((link) => link.dataset.tab);
  const tab = known.includes(wanted) ? wanted : "applications";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    $(link.dataset.tab).hidden = link.dataset.tab !== tab;
  }
  if (tab === "new") { fill_customers(); quote(); }
  if (tab === "applications" && /^\d+$/.test(number)) { show_application(number); applications.mark(number); }
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const tabs = [...document.querySelectorAll("nav a:not([hidden])")];
  if (event.key === "/") document.querySelector("section:not([hidden]) input[type=search]")?.focus();
  else if (event.key === "n") { location.hash = "new"; $("application_form").elements.amount_cents.focus(); }
  else if (tabs[Number(event.key) - 1]) location.hash = tabs[Number(event.key) - 1].dataset.tab;
  else return;
  event.preventDefault();
}

function set_theme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = say(theme === "dark" ? "light" : "dark");
}

function put_words() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = say(place.dataset.text);
  for (const place of document.querySelectorAll("[data-hint]")) place.placeholder = say(place.dataset.hint);
  $("language").textContent = say("other_language");
  $("states").replaceChildren(element("option", { value: "" }, say("any_state")),
    ...Object.entries(words.states).map(([state, name]) => element("option", { value: state }, name)));
}

async function start() {
  put_words();
  set_theme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", theme);
    set_theme(theme);
  });
  $("language").addEventListener("click", () => { localStorage.setItem("language", language === "es" ? "en" : "es"); location.reload(); });
  $("application").replaceChildren(element("p", { class: "hollow" }, say("choose")));
  $("application_form").addEventListener("input", quote);
  creates($("application_form"), "/api/applications", async (made) => {
    location.hash = `applications/${made.id}`;
    await changed(made.id);
    tell(say("application_filed", made.id));
  });
  creates($("customer_form"), "/api/customers", async (made) => {
    $("customer_form").reset();
    await customers.load();
    customers.mark(made.id);
    tell(say("customer_added", made.id));
  });
  addEventListener("hashchange", show_tab);
  addEventListener("keydown", keys);
  await Promise.all([applications.load(), customers.load(), ask("/api/about").then(async (about) => {
    $("version").textContent = [say("revision", about.version), about.revision].filter(Boolean).join(" · ");
    if (!about.features.includes("simulation")) return;
    document.querySelector('[data-tab="simulation"]').hidden = false;
    (await import("/simulation.js")).make($("simulation"));
  }).catch((error) => show_faults(null, error))]);
  show_tab();
}

start();

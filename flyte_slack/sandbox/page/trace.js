/* The trace beside the chat: one timeline for all that one event set off, the newest first. */

import { $, call, el } from "./dom.js";
import { timeOf } from "./message.js";
import { folded, leaf, tree } from "./values.js";

const MOST = 200;
const EVERY = 2000;
const SOON = 150;

let next = 0, waiting = null, asking = false, wanted = null;
const groups = new Map();
const isOpen = () => !$("trace").hidden;

/* Something may have happened: look soon, and again as long as the trace is open. */
export function lookSoon(delay = SOON) {
  if (!isOpen()) return;
  clearTimeout(waiting);
  waiting = setTimeout(look, delay);
}

async function look() {
  if (asking) return lookSoon();
  asking = true;
  try {
    const answer = await call("GET", `trace?since=${next}`);
    if (answer.next < next) forget();
    next = answer.next;
    add(answer.entries);
  } catch { /* The page says that it is not connected. */ } finally {
    asking = false;
  }
  return lookSoon(EVERY);
}

/* The sandbox has started anew: what was there is gone. */
function forget() {
  next = 0;
  groups.clear();
  $("trace-log").replaceChildren($("trace-empty"));
  $("trace-empty").hidden = false;
}

function add(entries) {
  const changed = new Set();
  for (const entry of entries) {
    const key = entry.correlation;
    if (!groups.has(key)) groups.set(key, {entries: []});
    const group = groups.get(key);
    group.entries.push(entry);
    // The calls that no action made are one group, which never ends.
    if (!key && group.entries.length > MOST) shorten(group);
    changed.add(group);
  }
  const excess = Math.max(groups.size - MOST, 0);
  for (const [key, group] of [...groups].filter(([name]) => name).slice(0, excess)) {
    groups.delete(key);
    changed.delete(group);
    group.node?.remove();
  }
  const fragment = document.createDocumentFragment();
  for (const group of changed) {
    if (!group.node) fragment.prepend(begin(group));
    draw(group);
  }
  $("trace-empty").hidden = groups.size > 0;
  $("trace-empty").after(fragment);
  if (wanted) reveal(wanted);
}

function begin(group) {
  group.summary = el("summary");
  group.list = el("ol", {class: "timeline"});
  group.drawn = 0;
  group.node = el("details", {class: "group"}, group.summary, group.list);
  group.node.addEventListener("toggle", () => fill(group));
  return group.node;
}

/* Entries become elements only when somebody looks at them. */
function fill(group) {
  if (!group.node.open) return;
  group.list.append(...group.entries.slice(group.drawn).map(item));
  group.drawn = group.entries.length;
}

function shorten(group) {
  group.entries.shift();
  if (!group.drawn) return;
  group.drawn -= 1;
  group.list.firstChild.remove();
}

function draw(group) {
  const first = group.entries[0];
  const count = kind => group.entries.filter(entry => entry.kind === kind).length;
  const faults = count("error") + group.entries.filter(failed).length, actions = count("action");
  group.summary.replaceChildren(
    timeOf(new Date(first.at)), el("span", {class: "strong", textContent: titleOf(first)}),
    el("span", {class: "about", textContent: aboutOf(first)}));
  if (actions) group.summary.append(el("span", {class: "badge", textContent: actions === 1 ? "1 action" : `${actions} actions`}));
  if (faults) group.summary.append(el("span", {class: "badge bad", textContent: faults === 1 ? "1 error" : `${faults} errors`}));
  fill(group);
}

const failed = entry =>
  (entry.kind === "slack_call" && !entry.detail.ok) || (entry.kind === "result" && entry.detail.state !== "SUCCESS");

const titleOf = entry => (entry.correlation ? entry.detail.event ?? entry.kind : "Slack calls outside of actions");

function aboutOf(entry) {
  const payload = entry.detail.payload ?? {};
  const said = payload.plainText ?? payload.message ?? payload.actionId ?? payload.command ?? payload.callbackId ?? payload.reaction ?? "";
  const who = payload.user?.name ?? "";
  return [who, typeof said === "string" ? said : ""].filter(Boolean).join(": ");
}

/* Entries */

const stepOf = entry => (entry.flow ? `${entry.flow} / ${entry.step}` : "");
const KINDS = {event: "Event", criteria: "Criteria", action: "Action", slack_call: "Slack", result: "Result", error: "Error"};

function item(entry) {
  const bad = entry.kind === "error" || failed(entry);
  const head = el("div", {class: "head"}, el("span", {class: "kind", textContent: KINDS[entry.kind] ?? entry.kind}));
  if (entry.flow) head.append(el("span", {class: "soft", textContent: stepOf(entry)}));
  const content = (CONTENT[entry.kind] ?? other)(entry.detail, head);
  return el("li", {class: `entry ${entry.kind}${bad ? " bad" : ""}`}, head, ...content);
}

const verdict = (good, text) => el("span", {class: good ? "verdict yes" : "verdict no", textContent: text});
const code = text => el("pre", {textContent: typeof text === "string" ? text : JSON.stringify(text, null, 2)});

const CONTENT = {
  event: (detail, head) => {
    head.append(el("span", {class: "strong", textContent: detail.event}), el("span", {class: "soft", textContent: `from ${detail.pack}`}));
    return [Object.assign(folded("Payload", tree(detail.payload, "Event.Payload")), {open: true})];
  },
  criteria: (detail, head) => {
    head.append(verdict(detail.true, detail.true ? "true" : "false"));
    if (!detail.template) return [el("p", {class: "soft", textContent: detail.reason ?? "No criteria: every such event is taken."})];
    const values = Object.entries(detail.values ?? {});
    const content = [code(detail.template)];
    if (values.length)
      content.push(el("ul", {class: "tree"}, ...values.map(([path, value]) =>
        el("li", {}, el("span", {class: "key", textContent: path}), " ",
          value !== null && typeof value === "object" ? tree(value, path) : leaf(value, path)))));
    if (String(detail.rendered).toLowerCase() !== String(detail.true))
      content.push(el("p", {}, "Rendered: ", el("code", {textContent: String(detail.rendered)})));
    if (detail.reason) content.push(el("p", {class: "soft", textContent: detail.reason}));
    return content;
  },
  action: (detail, head) => {
    head.append(el("span", {class: "strong", textContent: `${detail.pack}.${detail.command}`}));
    const context = Object.keys(detail.context ?? {}).length ? [folded("Context", tree(detail.context, "Context"))] : [];
    return [tree(detail.input, null), ...context];
  },
  slack_call: (detail, head) => {
    head.append(el("span", {class: "strong", textContent: detail.method}));
    head.append(verdict(detail.ok, detail.ok ? "ok" : detail.answer?.error ?? "failed"));
    return [folded("Arguments", tree(detail.arguments, null)), folded("Answer", tree(detail.answer, null))];
  },
  result: (detail, head) => {
    head.append(el("span", {class: "strong", textContent: detail.event}), verdict(detail.state === "SUCCESS", detail.state ?? ""));
    return [folded("Payload", tree(detail.payload, "Event.Payload"))];
  },
  error: detail => {
    const place = detail.where ? `In ${detail.where}${detail.line ? `, line ${detail.line}, column ${detail.column}` : ""}` : "";
    const content = [el("p", {class: "strong", textContent: detail.problem})];
    if (place) content.push(el("p", {class: "soft", textContent: place}));
    if (detail.template) content.push(marked(detail.template, detail.line, detail.column));
    return content;
  },
};

const other = detail => [code(detail)];

/* The template with the place of the error marked. Columns count characters, not UTF-16 units. */
function marked(template, line, column) {
  const lines = String(template).split("\n");
  const node = el("pre");
  lines.forEach((text, n) => {
    const end = n < lines.length - 1 ? "\n" : "";
    if (n + 1 !== line) return node.append(text + end);
    const letters = [...text];
    return node.append(letters.slice(0, column - 1).join(""),
      el("mark", {textContent: letters[column - 1] ?? " "}), letters.slice(column).join("") + end);
  });
  return node;
}

/* Opening */

export function openTrace(message = null) {
  $("trace").hidden = false;
  $("trace-toggle").setAttribute("aria-expanded", "true");
  wanted = message;
  lookSoon(0);
}

export function closeTrace() {
  $("trace").hidden = true;
  $("trace-toggle").setAttribute("aria-expanded", "false");
  clearTimeout(waiting);
}

/* Open the timeline in which a message was said or posted. */
function reveal(message) {
  const about = entry =>
    entry.detail.payload?.timestamp === message.ts && entry.kind === "event"
    || entry.kind === "slack_call" && entry.detail.answer?.ts === message.ts;
  const group = [...groups.values()].findLast(each => each.entries.some(about));
  if (!group) return;
  wanted = null;
  document.querySelector(".group.target")?.classList.remove("target");
  group.node.open = true;
  fill(group);
  group.node.classList.add("target");
  group.node.scrollIntoView({block: "start"});
  group.summary.focus({preventScroll: true});
}

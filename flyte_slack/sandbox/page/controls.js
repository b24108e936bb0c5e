/* The interactive elements of messages and modals, as form controls that really act. */

import { button, el } from "./dom.js";
import { textObject } from "./mrkdwn.js";
import { people, state, visibleChannels } from "./state.js";

const label = object => (typeof object === "string" ? object : object?.text ?? "");

/* A surface is a message or a modal: it tells the app of what is used, and keeps what is filled in.
   ``act(element, value)`` tells the app; ``values`` are Slack's ``state.values``. */
export class Surface {
  fields = new Map();

  constructor(act, values = {}) {
    this.act = act;
    this.values = values;
  }

  /* What was filled in and changed here, by the name that the interface takes. */
  inputs() {
    return Object.fromEntries([...this.fields].filter(([, field]) => field.touched).map(([name, field]) => [name, field.read()]));
  }

  /* Take over what was typed in an earlier drawing of the same message or modal. */
  adopt(earlier) {
    for (const [name, field] of this.fields) {
      const before = earlier.fields.get(name);
      if (!before?.touched || before.node.tagName !== field.node.tagName || !("value" in field.node) || field.node.multiple) continue;
      field.node.value = before.node.value;
      field.touched = true;
    }
  }

  keep(block, element, node, read) {
    const field = {read, touched: false, node};
    node.addEventListener("input", () => { field.touched = true; });
    node.addEventListener("change", () => { field.touched = true; });
    this.fields.set(block.block_id ? `${block.block_id}_${element.action_id}` : element.action_id, field);
  }
}

/* Make the control. It acts at once unless it is in an input block that does not dispatch. */
export function control(surface, block, element, id) {
  const kind = element.type ?? "";
  const make = CONTROLS[kind] ?? (/_select$/.test(kind) ? select : null);
  if (!make) return el("pre", {class: "json", textContent: JSON.stringify(element, null, 2)});
  const acts = block.type !== "input" || Boolean(block.dispatch_action);
  const act = value => { if (acts) surface.act(element, value); };
  const before = surface.values[block.block_id]?.[element.action_id] ?? {};
  const name = block.type === "input" ? null : label(element.placeholder) || element.action_id || kind;
  const node = make({surface, block, element, act, before, id, name});
  node.dataset.key = `control ${block.block_id} ${element.action_id} ${element.value ?? ""}`;
  return node;
}

const opens = address => /^https?:/i.test(address ?? "") && window.open(address, "_blank", "noopener,noreferrer");

function push({element, act}) {
  const style = ["primary", "danger"].includes(element.style) ? `press ${element.style}` : "press";
  const node = el("button", {type: "button", class: style, "aria-label": element.accessibility_label}, ...textObject(element.text));
  node.addEventListener("click", async () => {
    if (element.confirm && !(await confirmed(element.confirm))) return;
    opens(element.url);
    act(element.value);
  });
  return node;
}

/* Ask, as a control with ``confirm`` wants it. */
export function confirmed(confirm) {
  return new Promise(resolve => {
    const dialog = el("dialog", {class: "confirm", "aria-label": label(confirm.title) || "Are you sure?"});
    const done = answer => { resolve(answer); dialog.close(); dialog.remove(); };
    const yes = button(label(confirm.confirm) || "Yes", () => done(true), {class: confirm.style === "danger" ? "press danger" : "press primary"});
    const no = button(label(confirm.deny) || "No", () => done(false), {class: "press"});
    dialog.append(el("h2", {}, ...textObject(confirm.title)), el("p", {}, ...textObject(confirm.text)), el("div", {class: "row end"}, no, yes));
    dialog.addEventListener("cancel", event => { event.preventDefault(); done(false); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/* The choices of a select as [value, label, group]. */
function choices(element) {
  if (element.type.includes("users")) return people().map(name => [name, `@${name}`]);
  if (/channels|conversations/.test(element.type)) return visibleChannels().map(channel => [channel.id, `#${channel.name}`]);
  const own = (element.options ?? []).map(option => [option.value, label(option.text)]);
  const grouped = (element.option_groups ?? []).flatMap(group =>
    (group.options ?? []).map(option => [option.value, label(option.text), label(group.label)]));
  return [...own, ...grouped];
}

/* What is chosen already, as values of the choices. */
function chosen(before) {
  const found = Object.entries(before).find(([key]) => key.startsWith("selected_"))?.[1];
  return [found ?? []].flat().map(each => (typeof each === "object" ? each.value : state.users.get(each)?.name ?? each));
}

function select(parts) {
  const {surface, block, element, act, before, id, name} = parts;
  const several = element.type.startsWith("multi_");
  if (element.type.includes("external")) return typedSelect(parts, several);
  const node = el("select", {id, multiple: several, "aria-label": name});
  const current = chosen(before);
  if (!several) node.append(new Option(label(element.placeholder) || "Choose…", ""));
  const groups = new Map();
  for (const [value, text, group] of choices(element)) {
    const option = new Option(text, value, false, current.includes(value));
    if (group && !groups.has(group)) {
      groups.set(group, el("optgroup", {label: group}));
      node.append(groups.get(group));
    }
    (groups.get(group) ?? node).append(option);
  }
  if (several) node.size = Math.min(Math.max(node.length, 2), 5);
  const read = () => (several ? [...node.selectedOptions].map(option => option.value) : node.value || null);
  surface.keep(block, element, node, read);
  node.addEventListener("change", () => act(read()));
  return node;
}

/* The options of an external select are the app's to offer; here they are typed. */
function typedSelect({surface, block, element, act, before, id, name}, several) {
  const node = el("input", {id, value: chosen(before).join(", "), placeholder: label(element.placeholder), "aria-label": name});
  const read = () => (several ? node.value.split(",").map(each => each.trim()).filter(Boolean) : node.value || null);
  surface.keep(block, element, node, read);
  node.addEventListener("change", () => act(read()));
  return node;
}

function overflow({element, act, id}) {
  const options = element.options ?? [];
  const node = el("select", {id, class: "overflow", "aria-label": "More actions"}, new Option("⋯", ""));
  node.append(...options.map(option => new Option(label(option.text), option.value)));
  node.addEventListener("change", async () => {
    const option = options.find(each => each.value === node.value);
    node.value = "";
    if (!option || (element.confirm && !(await confirmed(element.confirm)))) return;
    opens(option.url);
    act(option.value);
  });
  return node;
}

function boxes({surface, block, element, act, before, name}) {
  const several = element.type === "checkboxes", current = chosen(before), group = `g${Math.random()}`;
  const node = el("div", {class: "boxes", role: several ? "group" : "radiogroup", "aria-label": name ?? label(block.label)});
  for (const option of element.options ?? []) {
    const box = el("input", {type: several ? "checkbox" : "radio", name: group, value: option.value, checked: current.includes(option.value)});
    const text = el("span", {}, ...textObject(option.text));
    if (option.description) text.append(el("small", {}, ...textObject(option.description)));
    node.append(el("label", {}, box, text));
  }
  const ticked = () => [...node.querySelectorAll("input:checked")].map(box => box.value);
  const read = () => (several ? ticked() : ticked()[0] ?? null);
  surface.keep(block, element, node, read);
  node.addEventListener("change", () => act(read()));
  return node;
}

function moment(seconds) {
  const at = new Date(seconds * 1000);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const DATES = {
  datepicker: ["date", before => before.selected_date, value => value],
  timepicker: ["time", before => before.selected_time, value => value],
  datetimepicker: [
    "datetime-local",
    before => before.selected_date_time && moment(before.selected_date_time),
    value => Math.floor(new Date(value) / 1000),
  ],
};

function date({surface, block, element, act, before, id, name}) {
  const [type, shown, told] = DATES[element.type];
  const node = el("input", {type, id, value: shown(before) ?? "", "aria-label": name});
  const read = () => (node.value ? told(node.value) : null);
  surface.keep(block, element, node, read);
  node.addEventListener("change", () => act(read()));
  return node;
}

const INPUT_TYPES = {email_text_input: "email", url_text_input: "url", number_input: "text"};

function input({surface, block, element, act, before, id, name}) {
  const long = element.multiline || element.type === "rich_text_input";
  const node = el(long ? "textarea" : "input", {id, placeholder: label(element.placeholder), "aria-label": name});
  if (long) node.rows = 4;
  else node.type = INPUT_TYPES[element.type] ?? "text";
  if (element.type === "number_input") node.inputMode = "decimal";
  node.value = typeof before.value === "string" ? before.value : richInitial(before.rich_text_value);
  surface.keep(block, element, node, () => node.value);
  node.addEventListener("change", () => act(node.value));
  return node;
}

const richInitial = value =>
  (value?.elements ?? []).flatMap(part => part.elements ?? []).map(part => part.text ?? "").join("");

const noFiles = () => el("p", {class: "soft", textContent: "Files cannot be chosen here; scripts can name them."});

const CONTROLS = {
  button: push,
  workflow_button: push,
  icon_button: push,
  overflow,
  checkboxes: boxes,
  radio_buttons: boxes,
  datepicker: date,
  timepicker: date,
  datetimepicker: date,
  plain_text_input: input,
  email_text_input: input,
  url_text_input: input,
  number_input: input,
  rich_text_input: input,
  file_input: noFiles,
};

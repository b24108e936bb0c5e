/* A value of an event as a tree: a click on a leaf copies the template path that leads to it. */

import { el, toast } from "./dom.js";

const SEGMENT = /^([A-Za-z_]\w*|\d+)$/;

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is no clipboard but that of a selection.
    const area = el("textarea", {value: text, class: "hidden"});
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`Copied ${text}`);
}

/* Show a value; ``path`` leads to it, or is null if no template reaches it. */
export function leaf(value, path) {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  const kind = value === null ? "null" : typeof value;
  if (path === null) return el("span", {class: `value ${kind}`, textContent: text});
  const template = `{{ ${path} }}`;
  return el("button", {
    type: "button", class: `value ${kind}`, textContent: text, title: `Copy ${template}`,
    "aria-label": `${text}: copy ${template}`, onclick: () => copy(template),
  });
}

export function tree(value, path) {
  if (value === null || typeof value !== "object") return leaf(value, path);
  const entries = Object.entries(value);
  if (!entries.length) return el("span", {class: "soft", textContent: Array.isArray(value) ? "[]" : "{}"});
  return el("ul", {class: "tree"}, ...entries.map(([key, member]) => {
    const below = path !== null && SEGMENT.test(key) ? `${path}.${key}` : null;
    return el("li", {}, el("span", {class: "key", textContent: key}), " ", tree(member, below));
  }));
}

export const folded = (summary, ...content) =>
  el("details", {class: "folded"}, el("summary", {textContent: summary}), ...content);

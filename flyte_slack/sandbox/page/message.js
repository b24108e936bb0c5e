/* A message: who, when, what, and what one can do with it. */

import { attempt, button, call, el } from "./dom.js";
import { attachment, blocks } from "./blocks.js";
import { Surface } from "./controls.js";
import { OFFERED } from "./emoji.js";
import { emoji, mrkdwn } from "./mrkdwn.js";
import { conversation, isForMe, state } from "./state.js";

const hue = name => [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
export const authorOf = message => message.author || message.user || "?";

export function timeOf(date, className = "") {
  const shown = date.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
  return el("time", {class: className, textContent: shown, dateTime: date.toISOString(), title: date.toLocaleString()});
}

const onMessage = (message, more) => ({channel: message.channel, user: state.me, ts: message.ts, ...more});

function act(message, surface) {
  return (element, value) => attempt(() =>
    call("POST", "clicks", onMessage(message, {action_id: element.action_id, value, inputs: surface.inputs()})));
}

function reacted(message, name) {
  const own = message.reactions.find(each => each.name === name)?.users.includes(state.me);
  return attempt(() => call("POST", "reactions", onMessage(message, {reaction: name, remove: Boolean(own)})));
}

function reactions(message) {
  return el("div", {class: "row reactions", role: "group", "aria-label": "Reactions"}, ...message.reactions.map(each =>
    el("button", {
      type: "button",
      title: `${each.users.join(", ")} reacted with :${each.name}:`,
      "aria-label": `${each.name}, ${each.count}`,
      "aria-pressed": String(each.users.includes(state.me)),
      "data-key": `reaction ${each.name}`,
      onclick: () => reacted(message, each.name),
    }, emoji(each.name), ` ${each.count}`)));
}

/* Offer emoji below a message; any other one is typed. */
function pick(message, item) {
  const open = item.querySelector(".picker");
  if (open) return open.remove();
  const back = () => item.querySelector('[data-key="react"]')?.focus();
  const choose = name => { picker.remove(); back(); reacted(message, name); };
  const typed = el("input", {placeholder: "Another one, by name", "aria-label": "Name of the emoji", size: 18});
  const picker = el("div", {class: "picker", role: "group", "aria-label": "Pick a reaction"},
    ...OFFERED.map(name => el("button", {type: "button", title: `:${name}:`, "aria-label": name, onclick: () => choose(name)}, emoji(name))),
    typed);
  typed.addEventListener("keydown", event => {
    const name = typed.value.trim().replace(/^:|:$/g, "");
    if (event.key === "Enter" && !event.isComposing && name) choose(name);
  });
  picker.addEventListener("keydown", event => {
    if (event.key === "Escape") { event.stopPropagation(); picker.remove(); back(); }
  });
  item.querySelector(".body").append(picker);
  picker.querySelector("button").focus();
  return undefined;
}

function toolbar(message, item, actions) {
  if (message.deleted) return null;
  const can = el("div", {class: "toolbar", role: "toolbar", "aria-label": "Message actions"});
  const add = (text, key, onclick) => can.append(button(text, onclick, {"data-key": key}));
  if (!message.ephemeral_to) {
    add("React", "react", () => pick(message, item));
    if (actions.thread) add("Reply in thread", "reply", () => actions.thread(message));
  }
  add("Trace", "trace", () => actions.trace(message));
  const own = message.user === state.me && !message.bot;
  if (own) add("Edit", "edit", () => actions.edit(message));
  if (own || message.bot || message.ephemeral_to)
    add("Delete", "delete", () => attempt(() => call("POST", "deletions", onMessage(message))));
  return can;
}

function files(message) {
  return message.files.map(file => {
    const size = file.size === undefined ? "" : ` · ${file.size.toLocaleString()} bytes`;
    return el("div", {class: "file"}, "📄 ",
      el("a", {href: file.url, download: file.name ?? "", textContent: file.title || file.name || file.id}),
      el("span", {class: "soft", textContent: `${size} ${file.pretty_type ?? file.filetype ?? ""}`}));
  });
}

/* Text is the fallback of blocks, so it is shown only if there are none, or with attachments and files. */
function content(message, surface) {
  const nodes = [];
  if (message.text && !message.blocks.length) nodes.push(el("div", {class: "text"}, ...mrkdwn(message.text)));
  nodes.push(...blocks(message.blocks, surface));
  nodes.push(...message.attachments.map(each => attachment(each, surface)));
  return [...nodes, ...files(message)];
}

function repliesTo(message, actions) {
  const talk = conversation(message.channel);
  const replies = (talk.threads.get(message.ts) ?? []).map(ts => talk.byTs.get(ts)).filter(reply => isForMe(reply));
  if (!replies.length || !actions.thread) return null;
  const count = `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`;
  const names = [...new Set(replies.map(authorOf))].join(", ");
  return button(count, () => actions.thread(message), {class: "replies", title: `From ${names}`, "data-key": "replies"});
}

const surfaces = new WeakMap();

/* Put a message into its list item, anew if it was there: focus and what was typed into its inputs stay. */
export function fill(item, message, actions) {
  const focused = item.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const surface = new Surface();
  surface.act = act(message, surface);
  const author = authorOf(message);
  const icon = message.icons.emoji ? emoji(message.icons.emoji.replace(/^:|:$/g, "")) : author[0].toUpperCase();
  const avatar = el("span", {class: "avatar", "aria-hidden": "true"}, icon);
  avatar.style.setProperty("--hue", hue(author));
  const head = el("div", {class: "head"}, el("span", {class: "author", textContent: author}));
  if (message.bot) head.append(el("span", {class: "badge", textContent: "APP"}));
  head.append(timeOf(new Date(message.ts * 1000)));
  if (message.edited) head.append(el("span", {class: "soft", textContent: "(edited)"}));
  if (message.pinned) head.append(el("span", {class: "soft", textContent: "📌 pinned"}));
  const body = el("div", {class: "body"}, head);
  if (message.ephemeral_to) body.append(el("div", {class: "soft", textContent: "Only visible to you"}));
  if (message.subtype === "thread_broadcast") body.append(el("div", {class: "soft", textContent: "replied to a thread"}));
  if (message.deleted) body.append(el("div", {class: "text soft", textContent: "This message was deleted."}));
  else body.append(...content(message, surface));
  if (message.reactions.length) body.append(reactions(message));
  const replies = repliesTo(message, actions);
  if (replies) body.append(replies);
  item.className = message.ephemeral_to ? "message ephemeral" : "message";
  const tools = toolbar(message, item, actions);
  item.replaceChildren(avatar, body, ...(tools ? [tools] : []));
  if (surfaces.has(item)) surface.adopt(surfaces.get(item));
  surfaces.set(item, surface);
  if (focused) item.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

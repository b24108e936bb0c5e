/* The page: channels on the left, the chat, a thread or the trace on the right, and the stream that feeds them. */

import { $, button, el } from "./dom.js";
import { Composer } from "./composer.js";
import { Log } from "./log.js";
import { authorOf } from "./message.js";
import { forgetModals, receiveModals, showModal } from "./modals.js";
import { plain } from "./mrkdwn.js";
import {
  become, channelMark, channelName, conversation, forgetMessages, isDirect, isForMe, isInMain, isVisible, learn,
  people, state, visibleChannels,
} from "./state.js";
import { closeTrace, lookSoon, openTrace } from "./trace.js";

const unread = new Set();
let settled = false, threadOf = null, traceWasOpen = false;

/* Who one is, and where one writes. */
const person = el("select", {id: "person", onchange: () => change(person.value)});
const composer = new Composer({label: "Message", extra: [el("label", {for: "person", textContent: "Write as"}), person]});
const reply = new Composer({label: "Reply in thread", thread: () => threadOf});
$("composer").append(composer.element);

const edit = where => message => where.edit(message);
const log = new Log($("log"), $("messages"), {thread: openThread, trace: showTrace, edit: edit(composer)}, $("earlier"));
const thread = new Log($("thread-log"), $("thread-messages"), {trace: showTrace, edit: edit(reply)});

function change(name) {
  become(name);
  person.value = name;
  closeThread();
  show(home());
  showModal();
}

/* Channels */

function listChannels() {
  const rows = {channels: [], directs: []};
  for (const channel of visibleChannels()) {
    const isNew = unread.has(channel.id);
    const go = button("", () => { show(channel.id); composer.focus(); }, {class: isNew ? "unread" : ""});
    go.append(el("span", {class: "mark", textContent: channelMark(channel), "aria-hidden": "true"}), el("span", {textContent: channelName(channel)}));
    if (isNew) go.append(el("span", {class: "hidden", textContent: "new messages"}));
    if (channel.id === state.current) go.setAttribute("aria-current", "page");
    rows[isDirect(channel) ? "directs" : "channels"].push(el("li", {}, go));
  }
  for (const [id, items] of Object.entries(rows)) {
    const focused = [...$(id).querySelectorAll("button")].indexOf(document.activeElement);
    $(id).replaceChildren(...items);
    if (focused >= 0) items[focused]?.firstChild.focus();
  }
}

const shownName = channel => (channel.kind === "group" ? "◆ " : channelMark(channel)) + channelName(channel);

function describe(channel) {
  $("title").textContent = shownName(channel);
  const more = [isDirect(channel) ? "Direct message" : channel.topic, channel.kind === "group" ? "private" : "", channel.archived ? "archived" : ""];
  $("topic").textContent = more.filter(Boolean).join(" · ");
  document.title = `${shownName(channel)} - Flyte sandbox`;
  composer.name(`Message ${shownName(channel)}`);
}

function show(id) {
  if (id !== state.current) closeThread();
  state.current = id;
  const channel = state.channels.get(id), talk = conversation(id);
  unread.delete(id);
  history.replaceState(null, "", `#${encodeURIComponent(isDirect(channel) ? id : channel.name)}`);
  describe(channel);
  $("empty").hidden = talk.main.length > 0;
  log.show(talk, talk.main);
  listChannels();
}

/* Where one was, or what the address asks for, or the first channel. */
function home() {
  const asked = decodeURIComponent(location.hash.slice(1)), all = visibleChannels();
  const known = state.channels.get(state.current);
  if (known && isVisible(known)) return known.id;
  return (all.find(channel => asked && [channel.name, channel.id].includes(asked)) ?? all[0]).id;
}

function move(step) {
  const all = [...document.querySelectorAll("nav button")];
  const now = all.findIndex(each => each.hasAttribute("aria-current"));
  all[(now + step + all.length) % all.length]?.click();
}

/* Threads */

function openThread(message) {
  threadOf = message.thread_ts ?? message.ts;
  if ($("thread").hidden) traceWasOpen = !$("trace").hidden;
  closeTrace();
  $("thread").hidden = false;
  $("thread-composer").replaceChildren(reply.element);
  showThread();
  reply.focus();
}

function showThread() {
  const talk = conversation(state.current);
  thread.show(talk, [threadOf, ...(talk.threads.get(threadOf) ?? [])]);
}

function closeThread() {
  if ($("thread").hidden) return;
  threadOf = null;
  $("thread").hidden = true;
  $("thread-composer").replaceChildren();
  if (traceWasOpen) openTrace();
  composer.focus();
}

function showTrace(message) {
  traceWasOpen = false;
  closeThread();
  openTrace(message);
}

/* Messages */

function receive(change) {
  const talk = conversation(change.channel);
  const message = change.text === undefined ? talk.remove(change.ts) : change;
  if (!message) return;
  const gone = message !== change, isNew = !gone && talk.put(message);
  if (!settled) return;
  if (change.channel === state.current) place(talk, message, gone);
  else if (isNew && isForMe(message) && message.user !== state.me) {
    unread.add(change.channel);
    if (state.channels.has(change.channel)) listChannels();
  }
  if (isNew && change.channel === state.current && isForMe(message))
    $("news").textContent = `${authorOf(message)}: ${plain(message.text)}`;
  lookSoon();
}

function place(talk, message, gone) {
  const root = message.thread_ts ?? message.ts;
  if (gone) {
    log.remove(message.ts);
    thread.remove(message.ts);
  } else if (isInMain(message)) {
    log.put(message);
  }
  if (message.thread_ts) log.refresh(talk.byTs.get(root));
  if (root === threadOf && !gone) {
    if (!thread.order.includes(message.ts)) thread.order.push(message.ts);
    thread.put(message);
  }
  $("empty").hidden = talk.main.length > 0;
}

/* Live: the stream begins with all there is, so that a reconnect needs nothing of its own. */

function status(live, text) {
  $("status").className = live ? "status live" : "status";
  $("status").textContent = text;
}

function directory(data) {
  learn(data);
  person.replaceChildren(...people().map(name => new Option(name, name, false, name === state.me)));
  if (!settled) return;
  if (!isVisible(state.channels.get(state.current) ?? {kind: "gone", members: []})) return show(home());
  describe(state.channels.get(state.current));
  listChannels();
}

function settle() {
  settled = true;
  status(true, "Live");
  composer.problem("");
  show(home());
  if (threadOf) showThread();
  showModal();
  lookSoon(0);
}

function connect() {
  const stream = new EventSource("api/stream?history=1");
  const on = (name, action) => stream.addEventListener(name, event => action(JSON.parse(event.data)));
  stream.addEventListener("open", () => {
    settled = false;
    forgetMessages();
    forgetModals();
  });
  on("directory", directory);
  on("message", receive);
  on("modals", receiveModals);
  on("settled", settle);
  stream.addEventListener("error", () => {
    status(false, "Reconnecting…");
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

/* Keys and buttons */

$("trace-toggle").addEventListener("click", () => {
  if ($("trace").hidden) showTrace(null);
  else closeTrace();
});
$("trace-close").addEventListener("click", () => { closeTrace(); composer.focus(); });
$("thread-close").addEventListener("click", closeThread);
document.addEventListener("keydown", event => {
  if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    closeThread();
  }
});
for (const example of document.querySelectorAll("[data-try]"))
  example.addEventListener("click", () => composer.put(example.dataset.try));

connect();
composer.focus();

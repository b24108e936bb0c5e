/* Where one writes: messages, replies, edits, slash commands and files, with suggestions while typing. */

import { attempt, button, call, el, toast } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { typed } from "./mrkdwn.js";
import { state, people, visibleChannels } from "./state.js";

const OFFERED = 8;

/* What may follow what is being typed: [inserted, shown]. */
function suggestions(before) {
  const word = before.match(/(?:^|\s)([@#:])([\w.+-]*)$/);
  if (/^\/[\w-]*$/.test(before)) return {start: 0, found: state.commands.filter(each => each.startsWith(before))};
  if (!word) return {start: 0, found: []};
  const [, mark, text] = word;
  const names = {
    "@": () => [...people(), ...[...state.users.values()].filter(user => user.bot).map(user => user.name), "here", "channel"],
    "#": () => visibleChannels().filter(channel => ["channel", "group"].includes(channel.kind)).map(channel => channel.name),
    ":": () => (text.length > 1 ? Object.keys(EMOJI).map(name => `${name}:`) : []),
  };
  const known = [...new Set(names[mark]())];
  // A name that is complete needs no offer, and Enter must not make "@bobby" of "@bob".
  const found = known.includes(text) ? [] : known.filter(name => name.toLowerCase().startsWith(text.toLowerCase()));
  return {start: before.length - text.length - 1, found: found.map(name => mark + name)};
}

const base64 = file => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
  reader.onerror = () => reject(new Error("The file cannot be read."));
  reader.readAsDataURL(file);
});

let composers = 0;

export class Composer {
  #sending = Promise.resolve();
  #editing = null;
  #start = 0;

  /* ``thread()`` says which thread is answered, if any; ``extra`` are controls beside the button. */
  constructor({label, thread = () => null, extra = []}) {
    this.thread = thread;
    this.id = `composer-${composers += 1}`;
    this.text = el("textarea", {
      rows: 1, autocomplete: "off", "aria-label": label, placeholder: label,
      "aria-autocomplete": "list", "aria-controls": `${this.id}-list`, "aria-expanded": "false", role: "combobox",
      oninput: () => { this.problem(""); this.changed(); },
      onkeydown: event => this.key(event),
      onblur: () => this.offer([]),
    });
    this.offered = el("ul", {id: `${this.id}-list`, class: "offered", role: "listbox", "aria-label": "Suggestions", hidden: true});
    this.notice = el("p", {class: "problem", role: "alert"});
    this.edits = el("div", {class: "editing", hidden: true}, el("span", {textContent: "Editing a message"}), button("Cancel", () => this.cancel()));
    this.submit = button("Send", () => this.send(), {class: "send", disabled: true});
    this.file = el("input", {type: "file", hidden: true, onchange: () => this.upload()});
    const attach = button("Attach a file", () => this.file.click(), {class: "quiet"});
    this.element = el("div", {class: "composer"}, this.offered, el("div", {class: "box"}, this.edits, this.text,
      el("div", {class: "tools"}, ...extra, attach, this.file, this.submit)), this.notice);
  }

  name(label) {
    this.text.placeholder = label;
    this.text.setAttribute("aria-label", label);
  }

  focus() { this.text.focus(); }

  put(text) {
    this.text.value = text;
    this.changed();
    this.focus();
    this.text.setSelectionRange(text.length, text.length);
  }

  edit(message) {
    this.#editing = message;
    this.edits.hidden = false;
    this.put(typed(message.text));
  }

  cancel() {
    const was = this.#editing;
    this.#editing = null;
    this.edits.hidden = true;
    if (was) this.put("");
  }

  changed() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    this.submit.disabled = !this.text.value.trim();
    const {start, found} = suggestions(this.text.value.slice(0, this.text.selectionStart));
    this.#start = start;
    this.offer(found.slice(0, OFFERED));
  }

  problem(text) { this.notice.textContent = text; }

  /* Suggestions */

  offer(found) {
    this.offered.replaceChildren(...found.map((text, n) => el("li", {
      id: `${this.id}-${n}`, role: "option", textContent: text, "aria-selected": String(n === 0),
      onmousedown: event => { event.preventDefault(); this.accept(text); },
    })));
    this.offered.hidden = !found.length;
    this.text.setAttribute("aria-expanded", String(found.length > 0));
    this.pointAt(found.length ? 0 : -1);
  }

  get pointed() { return [...this.offered.children].findIndex(each => each.getAttribute("aria-selected") === "true"); }

  pointAt(n) {
    [...this.offered.children].forEach((each, place) => each.setAttribute("aria-selected", String(place === n)));
    if (n >= 0) this.text.setAttribute("aria-activedescendant", `${this.id}-${n}`);
    else this.text.removeAttribute("aria-activedescendant");
  }

  accept(text) {
    const after = this.text.value.slice(this.text.selectionStart);
    const value = `${this.text.value.slice(0, this.#start)}${text} `;
    this.text.value = value + after;
    this.text.setSelectionRange(value.length, value.length);
    this.changed();
    this.offer([]);
  }

  key(event) {
    if (event.isComposing) return;
    const count = this.offered.children.length, chosen = this.offered.children[this.pointed]?.textContent;
    if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.pointAt((this.pointed + (event.key === "ArrowDown" ? 1 : count - 1)) % count);
    } else if (count && event.key === "Escape") {
      event.stopPropagation();
      this.offer([]);
    } else if (count && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey && chosen !== this.text.value) {
      event.preventDefault();
      this.accept(chosen);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && this.#editing) {
      event.stopPropagation();
      this.cancel();
    }
  }

  /* Sending: the box is empty at once, and has its text again if it could not be sent. */

  send() {
    const text = this.text.value.trim();
    if (!text) return;
    const request = this.request(text), editing = this.#editing;
    this.#editing = null;
    this.edits.hidden = true;
    this.put("");
    this.problem("");
    // One after the other, so that messages come in the order in which they were written.
    this.#sending = this.#sending.then(async () => {
      try {
        await call(...request);
      } catch (error) {
        this.problem(error.message);
        if (editing) { this.#editing = editing; this.edits.hidden = false; }
        this.text.value = this.text.value ? `${text}\n${this.text.value}` : text;
        this.changed();
      }
    });
  }

  request(text) {
    const place = {channel: state.current, user: state.me};
    if (this.#editing) return ["POST", "edits", {...place, channel: this.#editing.channel, ts: this.#editing.ts, text}];
    const [, command, rest] = text.match(/^(\/[\w-]+)(?:\s+([\s\S]*))?$/) ?? [];
    if (command) return ["POST", "slash-commands", {...place, command, text: rest ?? ""}];
    return ["POST", "messages", {...place, text, thread_ts: this.thread() ?? undefined}];
  }

  async upload() {
    const file = this.file.files[0];
    if (!file) return;
    const place = {channel: state.current, user: state.me, thread_ts: this.thread() ?? undefined};
    await attempt(async () => {
      await call("POST", "files", {...place, filename: file.name, content_base64: await base64(file)});
      toast(`${file.name} is shared.`);
    });
    this.file.value = "";
  }
}

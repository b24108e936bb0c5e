/* A list of messages: the newest ones of an order of ts, more on request, each changed in place. */

import { el, isAtEnd, scrollToEnd } from "./dom.js";
import { fill } from "./message.js";
import { isForMe } from "./state.js";

const SHOWN = 200;
const MOST = 2 * SHOWN;

export class Log {
  items = new Map();

  /* ``box`` scrolls, ``list`` holds the items, ``earlier`` is the button for more. */
  constructor(box, list, actions, earlier = null) {
    Object.assign(this, {box, list, actions, earlier, talk: null, order: [], first: 0});
    earlier?.addEventListener("click", () => this.showEarlier());
  }

  /* Show the end of an order anew. */
  show(talk, order) {
    Object.assign(this, {talk, order, first: Math.max(order.length - SHOWN, 0)});
    this.items.clear();
    this.list.replaceChildren(this.make(order.slice(this.first)));
    this.mark();
    scrollToEnd(this.box);
  }

  make(some) {
    const fragment = document.createDocumentFragment();
    for (const ts of some) {
      const message = this.talk.byTs.get(ts);
      if (message && isForMe(message)) fragment.append(this.item(message));
    }
    return fragment;
  }

  item(message) {
    const item = el("li", {"data-ts": message.ts});
    this.items.set(message.ts, item);
    fill(item, message, this.actions);
    return item;
  }

  showEarlier() {
    const first = Math.max(this.first - SHOWN, 0), height = this.box.scrollHeight, top = this.box.scrollTop;
    this.list.prepend(this.make(this.order.slice(first, this.first)));
    this.first = first;
    this.mark();
    this.box.scrollTop = top + this.box.scrollHeight - height;
  }

  /* A message is new in the order, or has changed. */
  put(message) {
    if (!isForMe(message)) return;
    const known = this.items.get(message.ts);
    const stays = isAtEnd(this.box);
    if (known) {
      fill(known, message, this.actions);
    } else {
      const place = this.order.lastIndexOf(message.ts);
      if (place < this.first) return void (this.first += place >= 0 ? 1 : 0);
      const next = this.order.slice(place + 1).map(ts => this.items.get(ts)).find(Boolean);
      this.list.insertBefore(this.item(message), next ?? null);
      if (stays && this.items.size > MOST) this.trim();
    }
    this.mark();
    if (stays) scrollToEnd(this.box);
  }

  /* Fill a message's item anew, if it is shown: its thread has changed. */
  refresh(message) {
    const item = message && this.items.get(message.ts);
    if (item) fill(item, message, this.actions);
  }

  remove(ts) {
    const item = this.items.get(ts);
    this.items.delete(ts);
    item?.remove();
    this.first = Math.min(this.first, Math.max(this.order.length - this.items.size, 0));
    this.mark();
  }

  /* Take away the oldest items of a page that is left open. */
  trim() {
    const gone = this.order.slice(this.first, this.order.length - SHOWN);
    for (const ts of gone) {
      this.items.get(ts)?.remove();
      this.items.delete(ts);
    }
    this.first += gone.length;
  }

  mark() {
    if (this.earlier) this.earlier.hidden = this.first === 0;
  }

  /* Let a message be seen. */
  reveal(ts) {
    const item = this.items.get(ts);
    item?.scrollIntoView({block: "nearest"});
    item?.classList.add("target");
  }
}

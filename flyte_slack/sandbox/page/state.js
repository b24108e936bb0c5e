/* What the page knows of the workspace, and who one is. */

const REMEMBERED = "flyte-sandbox.person";

/* A tab stays who it was, so that two tabs can be two people; a new tab begins as the last one chosen. */
function recall() {
  try {
    return sessionStorage.getItem(REMEMBERED) ?? localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

export const state = {
  users: new Map(),
  usersByName: new Map(),
  channels: new Map(),
  groups: new Map(),
  commands: [],
  me: recall(),
  current: null,
};

export function become(name) {
  state.me = name;
  try {
    sessionStorage.setItem(REMEMBERED, name);
    localStorage.setItem(REMEMBERED, name);
  } catch { /* Without storage, the choice lasts until the page is left. */ }
}

export function learn(directory) {
  state.users = new Map(directory.users.map(user => [user.id, user]));
  state.usersByName = new Map(directory.users.map(user => [user.name, user]));
  state.channels = new Map(directory.channels.map(channel => [channel.id, channel]));
  state.groups = new Map(directory.usergroups.map(group => [group.id, group.handle]));
  state.commands = directory.commands;
  if (!people().includes(state.me)) state.me = people()[0] ?? null;
}

export const people = () => [...state.users.values()].filter(user => !user.bot).map(user => user.name);
export const isDirect = channel => channel.kind === "im" || channel.kind === "mpim";
export const isVisible = channel => channel.kind === "channel" || channel.members.includes(state.me);
export const visibleChannels = () => [...state.channels.values()].filter(isVisible);

export const channelName = channel =>
  isDirect(channel) ? channel.members.filter(name => name !== state.me).join(", ") : channel.name;

export const channelMark = channel => (isDirect(channel) ? "@" : channel.kind === "channel" ? "#" : "◆");

/* Messages by channel: all by ts, and the order of those in the channel itself and of each thread. */
class Conversation {
  byTs = new Map();
  main = [];
  threads = new Map();

  get size() { return this.byTs.size; }

  put(message) {
    const isNew = !this.byTs.has(message.ts);
    this.byTs.set(message.ts, message);
    if (!isNew) return false;
    if (isInMain(message)) insert(this.main, message.ts);
    if (message.thread_ts) {
      if (!this.threads.has(message.thread_ts)) this.threads.set(message.thread_ts, []);
      insert(this.threads.get(message.thread_ts), message.ts);
    }
    return true;
  }

  remove(ts) {
    const message = this.byTs.get(ts);
    if (!message) return undefined;
    this.byTs.delete(ts);
    drop(this.main, ts);
    drop(this.threads.get(message.thread_ts) ?? [], ts);
    return message;
  }
}

export const isInMain = message => !message.thread_ts || message.subtype === "thread_broadcast";

/* Messages nearly always come in order, so the search begins at the end. */
function insert(order, ts) {
  let place = order.length;
  while (place > 0 && order[place - 1] > ts) place -= 1;
  order.splice(place, 0, ts);
}

function drop(order, ts) {
  const place = order.lastIndexOf(ts);
  if (place >= 0) order.splice(place, 1);
}

let conversations = new Map();
export const forgetMessages = () => { conversations = new Map(); };

export function conversation(id) {
  if (!conversations.has(id)) conversations.set(id, new Conversation());
  return conversations.get(id);
}

export const isForMe = message => !message.ephemeral_to || message.ephemeral_to === state.me;

/* Slack's mrkdwn and rich text as nodes. */

import { el } from "./dom.js";
import { state } from "./state.js";
import { EMOJI } from "./emoji.js";

const TOKEN = new RegExp([
  "```([\\s\\S]+?)```",
  "`([^`\\n]+)`",
  "<([^<>\\n]+)>",
  "(https?://[^\\s<>|`]*[^\\s<>|`.,;:!?)'\"*_~])",
  ":([a-z0-9_+'-]+)(?:::skin-tone-[2-6])?:",
  "(?<![\\w*])\\*(?=\\S)([^*\\n]+?)(?<=\\S)\\*(?![\\w*])",
  "(?<![\\w_])_(?=\\S)([^_\\n]+?)(?<=\\S)_(?![\\w_])",
  "(?<![\\w~])~(?=\\S)([^~\\n]+?)(?<=\\S)~(?![\\w~])",
].join("|"), "g");

export const decode = text =>
  text.replace(/&(lt|gt|amp);/g, (_, name) => ({lt: "<", gt: ">", amp: "&"})[name]);

export function link(address, label) {
  if (!/^(https?:|mailto:)/i.test(address)) return label ?? address;
  return el("a", {textContent: label ?? address, href: address, rel: "noreferrer noopener", target: "_blank"});
}

export const emoji = name =>
  EMOJI[name] ? el("span", {role: "img", textContent: EMOJI[name], title: `:${name}:`, "aria-label": name}) : `:${name}:`;

const mention = (text, own = false) => el("span", {class: own ? "mention own" : "mention", textContent: text});

function person(id, label) {
  const name = state.users.get(id)?.name ?? label ?? id;
  return mention(`@${name}`, name === state.me);
}

const channel = (id, label) => mention(`#${state.channels.get(id)?.name || label || id}`);
const group = (id, label) => mention(`@${state.groups.get(id) ?? label?.replace(/^@/, "") ?? id}`);

function reference(inner) {
  const [target, label] = inner.split(/\|(.*)/s);
  const id = target.slice(1);
  if (target[0] === "@") return person(id, label);
  if (target[0] === "#") return channel(id, label);
  if (target.startsWith("!subteam^")) return group(target.slice(9), label);
  if (target[0] === "!") return mention(label ? decode(label) : `@${id.split("^")[0]}`);
  if (!/^(https?:|mailto:)/i.test(target)) return decode(`<${inner}>`);
  return link(decode(target), label === undefined ? undefined : decode(label));
}

function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [all, block, code, inner, address, name, bold, italic, struck] = match;
    nodes.push(decode(text.slice(end, match.index)));
    if (block) nodes.push(el("pre", {textContent: decode(block.replace(/^\n|\n$/g, ""))}));
    else if (code) nodes.push(el("code", {textContent: decode(code)}));
    else if (inner) nodes.push(reference(inner));
    else if (address) nodes.push(link(decode(address)));
    else if (name) nodes.push(emoji(name));
    else if (bold) nodes.push(el("strong", {}, ...inline(bold)));
    else if (italic) nodes.push(el("em", {}, ...inline(italic)));
    else nodes.push(el("s", {}, ...inline(struck)));
    end = match.index + all.length;
  }
  return [...nodes, decode(text.slice(end))];
}

const CODE = /(```[\s\S]+?```)\n?/;

export const mrkdwn = text => text.split(CODE).flatMap((part, n) => (n % 2 ? inline(part) : quoting(part)));

/* Lines that begin with ">" are quotations. */
function quoting(text) {
  if (!/^(&gt;|>)/m.test(text)) return inline(text);
  const nodes = [];
  let quote = [], plain = [];
  const flush = () => {
    if (quote.length) nodes.push(el("blockquote", {}, ...inline(quote.join("\n"))));
    if (plain.length) nodes.push(...inline(plain.join("\n")));
    quote = []; plain = [];
  };
  for (const line of text.split("\n")) {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if ((quoted ? plain : quote).length) flush();
    (quoted ? quote : plain).push(quoted ? quoted[1] : line);
  }
  flush();
  return nodes;
}

/* A text object of a block: mrkdwn, or plain text in which only emoji are more than text. */
export function textObject(object) {
  if (typeof object === "string") return [object];
  const text = String(object?.text ?? "");
  if (object?.type === "mrkdwn") return mrkdwn(text);
  return text.split(/:([a-z0-9_+'-]+):/).map((part, n) => (n % 2 ? emoji(part) : part));
}

/* A message's text as one would type it again. */
export const typed = text => decode(text.replace(/<([^<>\n]+)>/g, (_, inner) => {
  const node = reference(inner);
  return typeof node === "string" ? node : node.textContent;
}));

/* What a message says, as plain text for a label. */
export const plain = text => typed(text).replace(/\s+/g, " ").trim();

function leaf(element) {
  switch (element.type) {
    case "text": return element.text ?? "";
    case "link": return link(element.url ?? "", element.text);
    case "user": return person(element.user_id);
    case "channel": return channel(element.channel_id);
    case "usergroup": return group(element.usergroup_id);
    case "broadcast": return mention(`@${element.range}`);
    case "emoji": return emoji(element.name ?? "");
    case "date": return element.fallback ?? String(element.timestamp ?? "");
    default: return element.text ?? JSON.stringify(element);
  }
}

function styled(element) {
  const tags = {bold: "strong", italic: "em", strike: "s", code: "code"};
  return Object.keys(tags).reduce(
    (node, style) => (element.style?.[style] ? el(tags[style], {}, node) : node), leaf(element));
}

export function richText(block) {
  const tags = {rich_text_section: "div", rich_text_quote: "blockquote", rich_text_preformatted: "pre"};
  return (block.elements ?? []).map(part => {
    if (part.type === "rich_text_list") {
      const items = (part.elements ?? []).map(item => el("li", {}, ...(item.elements ?? []).map(styled)));
      return el(part.style === "ordered" ? "ol" : "ul", {class: "list"}, ...items);
    }
    return el(tags[part.type] ?? "div", {}, ...(part.elements ?? []).map(styled));
  });
}

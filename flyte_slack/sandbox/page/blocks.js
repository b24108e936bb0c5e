/* Block Kit and attachments. What is not known is shown as JSON. */

import { button, el } from "./dom.js";
import { control } from "./controls.js";
import { link, mrkdwn, richText, textObject } from "./mrkdwn.js";

let numbers = 0;

const text = (object, name = "text") => el("div", {class: name}, ...textObject(object));

const image = element =>
  el("span", {class: "image"}, "🖼 ", link(element.image_url ?? element.slack_file?.url ?? "", element.alt_text || element.image_url || "image"));

function section(block, surface) {
  const body = el("div", {class: "grow"});
  if (block.text) body.append(text(block.text));
  if (block.fields) body.append(el("div", {class: "fields"}, ...block.fields.map(field => text(field))));
  const node = el("div", {class: "block section"}, body);
  if (block.accessory)
    node.append(block.accessory.type === "image" ? image(block.accessory) : control(surface, block, block.accessory));
  return node;
}

const context = block =>
  el("div", {class: "block context"}, ...(block.elements ?? []).map(each => (each.type === "image" ? image(each) : text(each))));

const actions = (block, surface) =>
  el("div", {class: "block row"}, ...(block.elements ?? []).map(each => control(surface, block, each)));

function input(block, surface) {
  const id = `input-${numbers += 1}`;
  const caption = el("label", {for: id}, ...textObject(block.label));
  if (block.optional) caption.append(el("span", {class: "soft", textContent: " (optional)"}));
  const node = el("div", {class: "block input"}, caption, control(surface, block, block.element ?? {}, id));
  if (block.hint) node.append(text(block.hint, "soft"));
  return node;
}

const BLOCKS = {
  section,
  context,
  actions,
  input,
  context_actions: actions,
  header: block => el("h3", {class: "block"}, ...textObject(block.text)),
  divider: () => el("hr", {class: "block"}),
  image: block => el("div", {class: "block"}, block.title ? text(block.title, "text strong") : null, image(block)),
  rich_text: block => el("div", {class: "block text"}, ...richText(block)),
  markdown: block => el("div", {class: "block text"}, ...mrkdwn(String(block.text ?? ""))),
};

const json = block => el("pre", {class: "block json", "aria-label": `Block ${block.type}`, textContent: JSON.stringify(block, null, 2)});

/* A block that is not what it should be must not take the page with it. */
export function blocks(list, surface) {
  return (list ?? []).map(block => {
    try {
      return BLOCKS[block.type]?.(block, surface) ?? json(block);
    } catch {
      return json(block);
    }
  });
}

/* Buttons and menus of attachments, as they were before Block Kit. */
function legacy(action, surface) {
  const element = {action_id: action.name};
  if (action.type !== "select")
    return button(action.text ?? action.name, () => surface.act(element, action.value), {class: action.style ? `press ${action.style}` : "press"});
  const node = el("select", {"aria-label": action.text ?? action.name}, new Option(action.text ?? "Choose…", ""));
  node.append(...(action.options ?? []).map(option => new Option(option.text, option.value)));
  node.addEventListener("change", () => node.value && surface.act(element, node.value));
  return node;
}

export function attachment(given, surface) {
  const node = el("div", {class: "attachment"});
  if (/^#?[0-9a-f]{6}$/i.test(given.color ?? "")) node.style.borderColor = `#${given.color.replace("#", "")}`;
  const formatted = value => el("div", {class: "text"}, ...mrkdwn(String(value)));
  if (given.pretext) node.append(formatted(given.pretext));
  if (given.author_name) node.append(el("div", {class: "soft", textContent: given.author_name}));
  if (given.title) node.append(el("div", {class: "text strong"}, given.title_link ? link(given.title_link, given.title) : given.title));
  if (given.text) node.append(formatted(given.text));
  if (given.fields?.length)
    node.append(el("div", {class: "fields"}, ...given.fields.map(field =>
      el("div", {}, el("div", {class: "strong", textContent: field.title ?? ""}), formatted(field.value ?? "")))));
  if (given.blocks) node.append(...blocks(given.blocks, surface));
  if (given.image_url) node.append(image({image_url: given.image_url}));
  if (given.actions?.length) node.append(el("div", {class: "row"}, ...given.actions.map(action => legacy(action, surface))));
  if (given.footer) node.append(el("div", {class: "soft", textContent: given.footer}));
  if (!node.childNodes.length) node.append(el("div", {class: "text", textContent: given.fallback ?? ""}));
  return node;
}

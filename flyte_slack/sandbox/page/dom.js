/* Elements, requests and short notices. Data only ever becomes textContent or an attribute. */

export const $ = id => document.getElementById(id);

/* Make an element. Properties whose name starts with "on" are listeners; "data-…", "aria-…", "role", "for"
   and "list" are attributes; the others are properties of the element. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (/^(data-|aria-|role$|for$|list$)/.test(name)) element.setAttribute(name, value);
    else element[name === "class" ? "className" : name] = value;
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

export const button = (label, onclick, properties = {}) =>
  el("button", {type: "button", textContent: label, onclick, ...properties});

/* Call the interface. A refusal is thrown as an Error with its sentence. */
export async function call(method, path, body) {
  const request = {method};
  if (body !== undefined) {
    request.headers = {"Content-Type": "application/json"};
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`api/${path}`, request);
  } catch {
    throw new Error("The sandbox cannot be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The sandbox answered ${response.status}.`);
  return answer;
}

let hiding;

/* Say something for a few seconds. */
export function toast(text, bad = false) {
  clearTimeout(hiding);
  $("toast").textContent = text;
  $("toast").classList.toggle("bad", bad);
  $("toast").hidden = false;
  hiding = setTimeout(() => { $("toast").hidden = true; }, bad ? 8000 : 2500);
}

/* Do something that may be refused, and say so if it is. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    toast(error.message, true);
    return undefined;
  }
}

export const isAtEnd = log => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
export const scrollToEnd = log => { log.scrollTop = log.scrollHeight; };

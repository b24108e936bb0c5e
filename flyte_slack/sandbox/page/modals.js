/* Modals of who one is, as a dialog: the one on top. */

import { attempt, button, call, el } from "./dom.js";
import { blocks } from "./blocks.js";
import { Surface } from "./controls.js";
import { textObject } from "./mrkdwn.js";
import { state } from "./state.js";

const open = new Map();
let shown = null;

export function receiveModals({user, modals}) {
  open.set(user, modals);
  if (user === state.me) showModal();
}

export const forgetModals = () => open.clear();

const body = more => ({user: state.me, ...more});

/* Show what is on top now. What was typed stays where block and action are the same. */
export function showModal() {
  const modal = open.get(state.me)?.at(-1);
  if (!modal) return hide();
  if (shown?.id === modal.view_id && shown.hash === modal.view.hash && shown.dialog.open) return undefined;
  const typed = shown?.id === modal.view_id ? shown.surface : null;
  hide();
  const surface = new Surface(null, modal.view.state.values);
  surface.act = (element, value) => attempt(() =>
    call("POST", `modals/${modal.view_id}/clicks`, body({action_id: element.action_id, value, inputs: surface.inputs()})));
  shown = {id: modal.view_id, hash: modal.view.hash, surface, dialog: draw(modal, surface)};
  document.body.append(shown.dialog);
  shown.dialog.showModal();
  if (typed) surface.adopt(typed);
  shown.dialog.querySelector("form input, form textarea, form select")?.focus();
  return undefined;
}

function hide() {
  const gone = shown;
  shown = null;
  gone?.dialog.close();
  gone?.dialog.remove();
}

function draw(modal, surface) {
  const {view} = modal;
  const problem = el("p", {class: "problem", role: "alert"});
  const tried = async action => {
    problem.textContent = "";
    try {
      await action();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  const close = () => tried(() => call("DELETE", `modals/${modal.view_id}`, body()));
  const form = el("form", {class: "modal", noValidate: true},
    el("h2", {id: "modal-title"}, ...textObject(view.title)), el("div", {class: "blocks"}, ...blocks(view.blocks, surface)), problem);
  const ends = el("div", {class: "row end"}, button(view.close?.text || "Cancel", close, {class: "press"}));
  if (view.submit || view.blocks.some(block => block.type === "input"))
    ends.append(el("button", {type: "submit", class: "press primary"}, ...textObject(view.submit ?? "Submit")));
  form.append(ends);
  form.addEventListener("submit", event => {
    event.preventDefault();
    tried(() => call("POST", `modals/${modal.view_id}`, body({inputs: surface.inputs()})));
  });
  const dialog = el("dialog", {"aria-labelledby": "modal-title"}, form);
  dialog.addEventListener("cancel", event => { event.preventDefault(); close(); });
  return dialog;
}
